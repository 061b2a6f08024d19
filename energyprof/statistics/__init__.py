"""The statistics that comparisons, gates and error bars stand on."""
