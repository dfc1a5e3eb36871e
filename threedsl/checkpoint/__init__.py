"""Checkpoints: where they are, their folder format, and the Hugging Face Hub."""
