"""What a verdict is made of: limits, noise, valid runs, evidence, and which reports belong together."""
