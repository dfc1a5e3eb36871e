"""Descriptors of known people, searched by FAISS and kept in a folder."""

from threedsl.gallery.gallery import Gallery, Match

__all__ = ["Gallery", "Match"]
