"""Synthetic people: dressed Anny bodies in street-like pictures, with their exact poses, shapes and cameras."""
