"""The page's API: one module per group of endpoints."""
