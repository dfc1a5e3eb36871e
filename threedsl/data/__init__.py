"""Pictures, lists, keypoints and people in photos."""
