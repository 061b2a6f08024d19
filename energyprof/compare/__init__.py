"""Reports side by side, and verdicts: figures with their intervals, their changes, and what they predict."""
