"""Power logs that other programs wrote: which they are, where they have times and powers, and their rows."""
