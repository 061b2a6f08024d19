"""Reports of several nodes as one: on one time axis, each node's boundary and joules kept."""
