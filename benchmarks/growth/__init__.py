"""How time and memory grow with a gallery's size, with the batch and with the size of a photo."""
