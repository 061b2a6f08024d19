"""One training, recorded: the program that trains, its processes, and all that they and the meters say."""
