"""Jetson boards: their rails, read directly or through jetson-stats, and their power mode."""
