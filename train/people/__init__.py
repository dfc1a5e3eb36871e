"""The people finder: converted from the published network, not trained here."""
