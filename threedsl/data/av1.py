"""How many pixels an AV1 stream makes a decoder work on: its own headers say that, whatever the file around it says."""

from __future__ import annotations

MOST_UNITS = (
    2000  # of a picture's stream, which has three as a rule, and one more for each part of a very large one
)
_SEQUENCE, _FRAMES = (
    1,
    (3, 6),
)  # types of units: the header of all frames, and a frame's header, alone or with its data


class _Bits:
    """The bits of a unit, the highest first."""

    def __init__(self, data: memoryview):
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("its stream is cut off")
        return (self._value >> self._left) & ((1 << count) - 1)


def frame_pixels(stream: memoryview) -> int:
    """Pixels of all frames of a stream, those that are never shown included, each as large as the largest may be.

    Raises:
        ValueError: it is no AV1 stream, or has far more units than a picture's.
    """
    at = largest = frames = units = 0
    while at < len(stream):
        units += 1
        if units > MOST_UNITS:
            raise ValueError("its stream has too many units")
        head = stream[at]
        kind, at = head >> 3 & 15, at + (2 if head & 4 else 1)
        length = len(stream) - at
        if head & 2:
            length, at = _length(stream, at)
        if at + length > len(stream):
            raise ValueError("its stream is cut off")
        if kind == _SEQUENCE:
            largest = max(largest, _largest(_Bits(stream[at : at + min(length, 1000)])))
        frames += kind in _FRAMES
        at += length
    return largest * frames


def _length(stream: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = 0
    for place in range(8):
        if at + place >= len(stream):
            break
        value |= (stream[at + place] & 127) << 7 * place
        if stream[at + place] < 128:
            return value, at + place + 1
    raise ValueError("its stream is invalid")


def _largest(bits: _Bits) -> int:
    """Pixels of the largest frame, by a sequence header (section 5.5.1 of the specification)."""
    bits.read(4)
    if short := bits.read(1):  # of a still picture
        bits.read(5)
    else:
        _skip_times(bits)
    width, height = bits.read(4) + 1, bits.read(4) + 1
    if short:
        return (bits.read(width) + 1) * (bits.read(height) + 1)
    # A frame may have another size than this header says, of as many bits; encoders use no more than they need.
    return 1 << width + height


def _skip_times(bits: _Bits) -> None:
    delay = 0  # bits of a delay, where the decoder is described
    if bits.read(1):
        bits.read(64)
        if bits.read(1):
            zeros = 0
            while not bits.read(1):
                zeros += 1
            bits.read(zeros if zeros < 32 else 0)
        if bits.read(1):
            delay = bits.read(5) + 1
            bits.read(42)
    shown = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay and bits.read(1):
            bits.read(2 * delay + 1)
        if shown and bits.read(1):
            bits.read(4)
