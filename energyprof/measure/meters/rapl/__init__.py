"""Intel's and AMD's counters of packages and DRAM, through perf and powercap."""
