"""Keypoints and masks for a dataset: from AlphaPose and Self-Correction, or by the people finder; and their preview."""
