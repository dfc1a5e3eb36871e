"""What the trainer costs: a step, and the synthetic people it learns from."""
