"""What readings may mean: stretches of time with a power that runs linearly, and under which conditions."""
