"""SMPL-format bodies: model, camera, joints, mesh export and measures."""

from threedsl.body.model import DEFAULT_BODY, BodyModel, BodyOutput

__all__ = ["DEFAULT_BODY", "BodyModel", "BodyOutput"]
