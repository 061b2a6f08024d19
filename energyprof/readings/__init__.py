"""What the meters said: which are read and when, their samples, and the power between two of them."""
