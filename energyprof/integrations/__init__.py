"""For trainings that other libraries run: what tells the wire how they go, one file a library."""
