"""How good reconstructed bodies are: in the picture, in three dimensions, in their shape."""
