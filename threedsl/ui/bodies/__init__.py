"""Bodies on the Search tab: over the photo, alone, turning, and everyone's in one picture."""
