"""Callbacks for trainings that other libraries run: transformers, Lightning, accelerate."""
