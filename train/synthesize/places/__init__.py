"""Where synthetic people are photographed: cameras, grounds and walls, and image defects."""
