"""Receiving uploads: counted while they come, each below a name that cannot be guessed, and noted as their sender's."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio import routes
from gradio.route_utils import FileUploadProgress, GradioMultiPartParser, GradioUploadFile, client_utils
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive

from threedsl.errors import InputError
from threedsl.ui.errors import DISK_FULL
from threedsl.ui.security import limits
from threedsl.ui.security.patience import TooSlow
from threedsl.ui.security.queue import address_of

if TYPE_CHECKING:
    from threedsl.ui.api.blocks import Page

FILES_AT_ONCE = 4
DRAINED = 64 * 2**20  # bytes that are still read of a refused upload, so that its sender receives the reason
NO_UPLOAD = "An upload must be a form with files, as docs/api.md shows."
CROWDED = "The progress of too many uploads is being asked for; the uploads themselves go on."
LONG_NAME = "A file's name is too long; rename it to 255 characters or fewer."


class FilesOnly(GradioMultiPartParser):
    """Reads forms of nothing but `files`: Gradio keeps any other field in memory, and other files on disk."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._opened: list[Any] = []

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        # Gradio would delete them one by one where a form is wrong, and block all other requests.
        self._opened += self._files_to_close_on_error
        self._files_to_close_on_error.clear()
        if self._current_part.file is None or self._current_part.field_name != "files":
            raise MultiPartException(NO_UPLOAD)
        file = self._current_part.file

        async def close(_: int) -> None:
            file.file.close()

        # Gradio rewinds a file that has arrived and keeps it open: hundreds for each upload that stalls.
        file.seek = close

    async def parse(self) -> FormData:
        """As Gradio's, which leaves files open where the client goes away or is too slow."""
        try:
            return await super().parse()
        finally:
            for file in self._opened:
                file.close()


class Progress(FileUploadProgress):
    """How far the latest uploads are; Gradio keeps all that no page asks for, and every name that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._following: Counter[str] = Counter()

    @contextmanager
    def following(self, address: str) -> Iterator[None]:
        """While one of these answers is given; used by the event loop's thread alone.

        Raises:
            InputError: too many are, in all or to this address.
        """
        mine = self._following[address] >= limits.MOST_FOLLOWING_PER_ADDRESS
        if self._following.total() >= limits.MOST_FOLLOWING or (mine and not limits.addresses_are_shared()):
            raise InputError(CROWDED)
        self._following[address] += 1
        try:
            yield
        finally:
            self._following[address] -= 1
            if not self._following[address]:
                del self._following[address]

    def track(self, upload_id: str) -> None:
        """Begin to keep an upload's progress; the oldest goes."""
        super().track(upload_id)
        self._shorten()

    async def is_tracked(self, upload_id: str) -> bool:
        """Wait until it is."""
        self._signals[upload_id]
        self._shorten()
        return await super().is_tracked(upload_id)

    def stop_tracking(self, upload_id: str) -> None:
        """Forget it."""
        super().stop_tracking(upload_id)
        self._signals.pop(upload_id, None)

    def _shorten(self) -> None:
        for kept in (self._statuses, self._signals):
            for oldest in list(kept)[: -limits.MOST_FOLLOWED]:
                del kept[oldest]


routes.file_upload_statuses = Progress()  # Gradio offers no way to choose it


async def receive_files(request: Request, folder: Path, most: int, upload_id: str | None) -> list[str]:
    """Write the files of a form below a new folder, each of at most so many bytes; their paths.

    As Gradio's own function, but what it does once all are there, for hundreds at a time, does not block other
    requests here.

    Raises:
        MultiPartException: it is no form of files, or one is too large.
    """
    kind, _ = parse_options_header(request.headers.get("Content-Type") or "")
    if kind != b"multipart/form-data":
        raise MultiPartException(NO_UPLOAD)
    folder.mkdir(parents=True, exist_ok=True)
    progress = routes.file_upload_statuses if upload_id else None
    if progress is not None:
        progress.track(upload_id)
    parser = FilesOnly(
        request.headers,
        request.stream(),
        max_files=limits.MOST_FILES,
        upload_dir=folder,
        max_file_size=most,
        upload_id=upload_id,
        upload_progress=progress,
    )
    form = await parser.parse()
    return await run_in_threadpool(_named, form.getlist("files"), folder)


def _named(files: Sequence[GradioUploadFile], folder: Path) -> list[str]:
    """Give the files that arrived their senders' names, each in a folder of its own content; their paths."""
    paths = []
    for file in files:
        name = client_utils.strip_invalid_filename_characters(Path(file.filename or "").name)
        if name in ("", ".", ".."):
            name = f"tmp{secrets.token_hex(5)}"
        place = folder / file.sha.hexdigest()
        place.mkdir(exist_ok=True)
        os.replace(file.file.name, place / name)
        paths.append(str(place / name))
    return paths


def in_pieces(receive: Receive, kind: str) -> Receive:
    """A `receive` that gives a body of which one piece holds many small files a few files at a time, and others their
    turn in between: a file is made on disk for each.

    kind: the request's Content-Type, which says what is between two files.
    """
    between = b"\r\n--" + parse_options_header(kind)[1].get(b"boundary", b"")
    rest, more = b"", True

    async def few() -> Message:
        nonlocal rest, more
        if rest:
            await asyncio.sleep(0)
        else:
            message = await receive()
            if message["type"] != "http.request":
                return message
            rest, more = message.get("body", b""), message.get("more_body", False)
        end = 0
        for _ in range(FILES_AT_ONCE):
            end = rest.find(between, end) + len(between)
            if end < len(between):  # none left
                end = len(rest)
                break
        piece, rest = rest[:end], rest[end:]
        return {"type": "http.request", "body": piece, "more_body": more or bool(rest)}

    return few


async def receive_upload(request: Request, page: Page) -> Response:
    """Do what Gradio's /upload does, within the ledger's limits; a refused upload leaves nothing on disk."""
    ledger, address = page.ledger, address_of(request)
    folder = ledger.new_folder()
    upload_id = request.query_params.get("upload_id")
    most = page.max_file_size or limits.MOST_VISIT_BYTES
    kept = ended = False
    try:
        ledger.check_room(address, int(request.headers.get("content-length") or 0))
        with ledger.receiving(address) as take:

            async def counted() -> Message:
                nonlocal ended
                message = await request.receive()
                ended = not message.get("more_body")
                take(len(message.get("body", b"")))
                return message

            followed = upload_id if upload_id and len(upload_id) <= 64 else None
            few = in_pieces(counted, request.headers.get("content-type", ""))
            paths = await receive_files(Request(request.scope, few), folder, most, followed)
            if not paths:
                raise MultiPartException(NO_UPLOAD)
            # While it is counted as coming, so that no other takes its room.
            await run_in_threadpool(ledger.all_uploaded, paths, address)
        kept = True
        return JSONResponse(paths)
    except TooSlow as error:
        return PlainTextResponse(str(error), 408)
    except InputError as error:
        await drain(request, ended)
        return PlainTextResponse(str(error), 413)
    except MultiPartException as error:
        await drain(request, ended)
        if error.message.startswith("Too many files"):
            return PlainTextResponse(f"An upload may have {limits.MOST_FILES} files at most.", 413)
        if error.message.startswith("File size"):
            return PlainTextResponse(f"A file may have {most // 2**20} MB at most; make it smaller.", 413)
        long = error.message.startswith("Headers exceeded")
        return PlainTextResponse(LONG_NAME if long else NO_UPLOAD, 400)
    except (HTTPException, ValueError, LookupError):  # what the parser says of forms that are none
        return PlainTextResponse(NO_UPLOAD, 400)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return PlainTextResponse(DISK_FULL, 507)
    except ClientDisconnect:
        return PlainTextResponse("", 400)
    finally:
        if not kept:
            await run_in_threadpool(partial(shutil.rmtree, folder, ignore_errors=True))


async def drain(request: Request, ended: bool) -> None:
    """Read the rest of a body that has not `ended`, up to DRAINED bytes and as long as it comes, and forget it."""
    read = 0
    with suppress(TooSlow):
        while not ended and read < DRAINED:
            message = await request.receive()
            read += len(message.get("body", b""))
            ended = not message.get("more_body")
