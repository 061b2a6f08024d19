"""How every workload is trained: the loop, its processes, devices and batches."""
