"""Who averages with whom: how soon all agree, how long a round takes, what its messages cost."""
