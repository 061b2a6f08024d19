"""The hardware: which meters there are, which of them are read, and when."""
