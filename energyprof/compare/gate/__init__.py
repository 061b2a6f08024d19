"""What a verdict is made of: limits, the runs that may enter, evidence, history, noise."""
