"""Means, intervals, pairs and looks: what error bars and verdicts are based on."""
