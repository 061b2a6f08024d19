"""For trainings of transformers, Lightning, accelerate, Keras and fastai; and for loggers of any training."""
