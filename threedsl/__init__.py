"""threedsl: cloth-changing person re-identification by 3D body shape (3DSL, CVPR 2021)."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threedsl.gallery import Gallery
    from threedsl.pipeline import ThreeDSL

# OpenMP's threads spin while they wait for each other. On a shared machine, such as a free Space, one picture then
# takes seconds instead of 30 ms. The setting only works before PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["Gallery", "ThreeDSL"]
__version__ = "0.1.0"

_HOME = {"Gallery": "threedsl.gallery", "ThreeDSL": "threedsl.pipeline"}


def __getattr__(name: str):
    """Import a class on first use: PyTorch takes seconds, `import threedsl` must not."""
    if name not in _HOME:
        raise AttributeError(f"module 'threedsl' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
