"""ZeroGPU through the optional `spaces` package; without it nothing changes.

Imported before torch touches CUDA, as ZeroGPU asks for.
"""

import os
from collections.abc import Callable

try:
    import spaces
except ImportError:
    spaces = None


def on_gpu(seconds: int) -> Callable[[Callable], Callable]:
    """Decorator that borrows a GPU for at most `seconds` on ZeroGPU, and returns the function unchanged elsewhere."""
    if spaces is None:
        return lambda function: function
    return spaces.GPU(duration=seconds)


def on_zero_gpu() -> bool:
    """Whether CUDA exists only inside functions decorated with `on_gpu`."""
    return spaces is not None and bool(os.environ.get("SPACES_ZERO_GPU"))
