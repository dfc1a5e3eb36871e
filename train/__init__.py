"""What reproduces checkpoints/: body model, synthetic people, losses, sampler, engine, figures."""
