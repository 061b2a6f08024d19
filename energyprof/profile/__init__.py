"""One training, run and recorded: the program, its processes, every sample and event."""
