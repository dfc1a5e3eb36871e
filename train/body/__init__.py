"""The body file: distilled from Anny, or a licensed SMPL file completed."""
