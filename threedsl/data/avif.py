"""What opening an AVIF costs, by its boxes.

libavif looks through all pictures for each one that a list names, with everything else in the process standing still: a
list of a hundred thousand in a megabyte takes it twenty seconds.
"""

from __future__ import annotations

from threedsl.data.heif import each_box

# Bytes of all lists of a file's pictures, in which one takes six or more; grids have some hundreds of pictures.
MOST_LISTED = 3 * 2**14
LIST_ENTRY = 12  # of these, for each property, such as a size or a colour profile
MOST_MOVIE = 2**16  # bytes of what describes an animation: some thousands of frames


def has_short_lists(data: bytes) -> bool:
    """Whether the lists of an AVIF are as short as those of pictures are, so that it may be opened.

    Raises:
        ValueError: its boxes are invalid.
    """
    total = 0
    for kind, content in each_box(memoryview(data)):
        if kind == b"meta":
            total += _listed(content[4:])
        if total > MOST_LISTED or (kind == b"moov" and len(content) > MOST_MOVIE):
            return False
    return True


def _listed(meta: memoryview) -> int:
    """Bytes of its lists: colour profiles, and small pictures, are in other boxes."""
    total = 0
    for kind, content in each_box(meta):
        if kind == b"iprp":
            for inner, properties in each_box(content):
                profiles = inner == b"ipco"
                total += LIST_ENTRY * sum(1 for _ in each_box(properties)) if profiles else len(properties)
        else:
            total += LIST_ENTRY + (0 if kind == b"idat" else len(content))
    return total
