"""Bodies that come in chunks, as HTTP calls them: each costs the server as much as a small request, while it answers
nobody else, so those of a few bytes are refused."""

from __future__ import annotations

from typing import Any

import h11

from threedsl.ui.security import limits

SMALL = (
    f"The request's body comes in chunks of less than {limits.LEAST_CHUNK_BYTES} bytes; send larger ones, or the body "
    "with a Content-Length."
)


class LargeChunks(h11.Connection):
    """One side of HTTP that takes chunks of at least LEAST_CHUNK_BYTES on average, after the first few of a body."""

    too_small = False

    def next_event(self) -> Any:
        """As h11's.

        Raises:
            h11.RemoteProtocolError: also where the chunks are too small.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data) and event.chunk_start:
            self._chunks += 1
        if isinstance(event, h11.Data):
            self._bytes += len(event.data)
            spare = self._chunks - limits.FREE_CHUNKS
            if event.chunk_end and spare * limits.LEAST_CHUNK_BYTES > self._bytes:
                self.too_small = True
                raise h11.RemoteProtocolError(SMALL)
        return event
