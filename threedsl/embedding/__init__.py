"""Descriptors of lists too long for one run or one process."""
