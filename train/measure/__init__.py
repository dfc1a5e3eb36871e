"""Measuring a checkpoint and writing its model card; nothing here trains."""
