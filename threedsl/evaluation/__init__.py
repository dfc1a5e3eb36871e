"""Metrics and protocols of person re-identification."""
