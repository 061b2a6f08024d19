"""What a verdict is made of: limits, valid runs, evidence, history, noise."""
