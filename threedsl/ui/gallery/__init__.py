"""The Gallery tab: a visitor's own galleries."""
