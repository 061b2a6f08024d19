"""What the workloads are trained on: packaged data, and how the user's are read."""
