"""From a trace to a report and its file: arithmetic on data that does not change."""
