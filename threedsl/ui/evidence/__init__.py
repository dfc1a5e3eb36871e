"""The Evidence tab: what was measured of the model on the page."""
