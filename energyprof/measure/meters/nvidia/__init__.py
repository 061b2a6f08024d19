"""NVIDIA's GPUs: the counter, its ticks, the power, and under which conditions they work."""
