"""What benchmarks/federated.py trains, and how Flower would."""
