"""Many profiles by one plan."""
