"""The tools measured beside each other: an adapter program for each, run as ``python -m peers.NAME``."""
