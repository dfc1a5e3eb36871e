"""SMPL-format bodies: model, camera, joints, mesh export and measures."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threedsl.body.model import DEFAULT_BODY, BodyModel, BodyOutput

__all__ = ["DEFAULT_BODY", "BodyModel", "BodyOutput"]


def __getattr__(name: str):
    """Import the model on first use: names of joints are needed where PyTorch is not installed."""
    if name not in __all__:
        raise AttributeError(f"module 'threedsl.body' has no attribute {name!r}")
    from threedsl.body import model

    return getattr(model, name)
