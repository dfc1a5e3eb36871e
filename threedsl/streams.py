"""The names of the three descriptors, apart from what computes them: `--help` must not wait for PyTorch."""

STREAMS = ("appearance", "shape", "combined")
"""F_rgb and F_shape of 3DSL, and their concatenation: what a gallery can be ranked by, in the order shown."""
