"""Whether meters follow a known load: from steps of load and what the meters read to a verdict each."""
