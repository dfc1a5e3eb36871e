"""People found in photos and the boxes around them, compared with another finder."""
