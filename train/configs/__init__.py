"""The shipped configurations, and how a configuration is read."""
