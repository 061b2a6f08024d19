"""The waist: what was read and when, in memory and in files, and the logs of others."""
