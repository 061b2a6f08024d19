"""Fleets: what 100 to a million unlike clients take to train together, drawn client by client from a seed."""
