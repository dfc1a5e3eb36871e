"""Pictures of bodies: differentiable silhouettes for training, overlays and stills for display."""
