"""Descriptors of known people, searched by FAISS and kept in a folder."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threedsl.gallery.gallery import Filter, Gallery, Match

__all__ = ["Filter", "Gallery", "Match"]


def __getattr__(name: str):
    """Imported on first use, so that a help text naming the index kinds does not wait for PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module 'threedsl.gallery' has no attribute {name!r}")
    from threedsl.gallery import gallery

    return getattr(gallery, name)
