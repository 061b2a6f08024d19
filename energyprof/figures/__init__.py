"""What reports are compared by: figures with their intervals, and their changes from one to another."""
