"""Timings, kept apart from the tests."""
