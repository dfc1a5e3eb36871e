"""The door before Gradio: which host names and addresses of the page are answered, and how large a call may be.

An address that is not in `GET` or `POST` does not exist, so what a later Gradio adds is closed until it is listed.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from threedsl.errors import InputError
from threedsl.ui.security import limits
from threedsl.ui.security.headers import security_headers
from threedsl.ui.security.hosts import VARIABLE, Hosts, host_name
from threedsl.ui.security.ledger import GONE
from threedsl.ui.security.patience import TooSlow, in_time
from threedsl.ui.security.payload import DEEP, check_files, check_values, named
from threedsl.ui.security.queue import NO_EVENT, YOURS, Noting, address_of, answer_stream, runs_here
from threedsl.ui.security.request_bodies import Busy, read_body, replaying, with_length
from threedsl.ui.security.uploads import drain, receive_upload, routes

if TYPE_CHECKING:
    from threedsl.ui.api.blocks import Page

API = "/gradio_api"
PROGRESS = f"{API}/upload_progress"
FILE, BEAT, CALL, MCP = f"{API}/file=", f"{API}/heartbeat/", f"{API}/call/", f"{API}/mcp"
VISIT = re.compile(rf"{API}/visit/([\w-]{{1,64}})/(here|closed)", re.ASCII)
GET = re.compile(
    r"/|/(config|theme\.css|robots\.txt|favicon\.ico|manifest\.json|pwa_icon)/?|/(assets|static|svelte)/.+"
    rf"|{API}/(info|openapi\.json|theme\.css|app_id|login_check|queue/status|queue/data|upload_progress|startup-events)/?"
    rf"|{BEAT}[\w-]{{1,64}}|{CALL}(v2/)?[\w-]{{1,64}}/[\w-]{{1,64}}|{FILE}.+|{MCP}(/.*)?",
    re.ASCII | re.DOTALL,
)
POST = re.compile(
    rf"{API}/(upload|queue/join|cancel|reset/?|(run|api)/[\w-]{{1,64}}/?)|{CALL}(v2/)?[\w-]{{1,64}}/?|{MCP}(/.*)?"
    rf"|{VISIT.pattern}",
    re.ASCII | re.DOTALL,
)
METHODS = {"GET": GET, "HEAD": GET, "POST": POST, "DELETE": re.compile(rf"{MCP}(/.*)?")}
SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)
KEPT = (
    "data",
    "event_data",
    "fn_index",
    "trigger_id",
    "session_hash",
    "event_id",
)  # of a call; the rest is dropped
LONGEST_NAME = 255  # of one part of an address; no file may have a longer one
# Gradio would make the first the address of everything that the page loads. It looks through the second for a login,
# which does not exist here; older versions of Python take ten seconds for one of 60 kB.
NOT_BELIEVED = (b"x-gradio-server", b"cookie")
LONGEST_TYPE = 1000  # of a Content-Type; reading one takes time by the square of its length
ONE_RANGE = re.compile(rb"bytes=(\d{1,18}-\d{0,18}|-\d{1,18})")
NOWHERE = "There is nothing at this address; docs/api.md lists the endpoints."
FOREIGN = f"This page does not answer to this host name; its operator can allow it with {VARIABLE}."
NO_HOST = "The request's Host is neither a name nor an address."
BAD_BODY = "The request body must be a JSON object; see docs/api.md."
QUEUED = "Calls of this event wait their turn; send it to /gradio_api/queue/join, or see docs/api.md."
UNKNOWN = {  # as Gradio's page reads it
    "msg": "unexpected_error",
    "event_id": None,
    "message": "No call of this session is waiting for an answer; reload the page.",
    "session_not_found": True,
    "success": False,
}
NO_PROGRESS = "There is no such upload."
NO_CALL = "There is no such call: it was answered already, or never made."
NO_VISIT = "There is no such visit: its page was closed, or its connection was lost for too long."

log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, page: Page, hosts: Hosts | None = None):
        self.app, self.page, self.hosts = app, page, hosts or Hosts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse in a sentence, or pass on to Gradio."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        added = security_headers(scope["path"])
        if (
            scope["path"] == "/"
        ):  # Gradio reads from it which page to show, and fails over all others but this one
            scope = {**scope, "query_string": b""}
        scope = {**scope, "headers": [pair for pair in scope["headers"] if is_kept(*pair)]}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in added]
                message = {**message, "headers": [*kept, *added.items()]}
            await send(message)

        refusal = self._refused(scope)
        if refusal is not None:
            return await refusal(scope, receive, send_with_headers)
        await self._pass_on(scope, receive, send_with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        """What answers a request that may not pass, judged by its head alone."""
        headers, path = Headers(scope=scope), scope["path"]
        claimed = headers.getlist("host") + headers.getlist("x-forwarded-host")
        if not all(host_name(name) for name in claimed):
            return JSONResponse({"detail": NO_HOST}, 400)
        if not self.hosts.open and not (claimed and all(self.hosts.allows(name) for name in claimed)):
            return JSONResponse({"detail": FOREIGN}, 403)
        origin = headers.get("origin")
        if origin and scope["method"] not in ("GET", "HEAD"):
            if not self.hosts.allows_origin(origin, claimed[0] if claimed else ""):
                return JSONResponse({"detail": FOREIGN}, 403)
        allowed = METHODS.get(scope["method"])
        if allowed is None or not allowed.fullmatch(path) or max(map(len, path.split("/"))) > LONGEST_NAME:
            return JSONResponse({"detail": NOWHERE}, 404)
        if path.startswith(MCP) and self.page.mcp_server_obj is None:
            return JSONResponse({"detail": NOWHERE}, 404)
        if path.startswith(FILE) and not self.page.ledger.serves(path.removeprefix(FILE)):
            return JSONResponse({"detail": GONE}, 404)
        if scope["method"] == "GET" and path.startswith(CALL) and not self._is_call(path.rsplit("/", 1)[1]):
            event = f"event: error\ndata: {json.dumps({'error': NO_CALL})}\n\n"
            return Response(event, 404, media_type="text/event-stream")
        return self._refused_stream(path.rstrip("/"), QueryParams(scope["query_string"]))

    def _refused_stream(self, path: str, asked: QueryParams) -> Response | None:
        """What answers for a stream that will never say anything; Gradio would end it with an exception, or keep what
        it was asked for."""
        if path == f"{API}/queue/data" and not self._is_session(asked.get("session_hash", "")):
            # The page reads no other status than 200.
            return Response(f"data: {json.dumps(UNKNOWN)}\n\n", media_type="text/event-stream")
        if path == PROGRESS and not SESSION.fullmatch(asked.get("upload_id", "")):
            return JSONResponse({"detail": NO_PROGRESS}, 404)
        return None

    def _is_session(self, session: str) -> bool:
        return session in self.page._queue.pending_messages_per_session

    def _endpoints(self) -> set[str]:
        """Names of what docs/api.md lists. The page itself names its events by number, and only with a session."""
        functions = self.page.fns.values()
        return {function.api_name for function in functions if function.api_visibility == "public"}

    def _is_call(self, event_id: str) -> bool:
        """Whether somebody may still be waiting for the answer."""
        return any(event_id in events for events in self.page._queue.pending_event_ids_session.values())

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, request = scope["path"], Request(scope, in_time(receive))
        if scope["method"] == "POST" and path == f"{API}/upload":
            answer = await receive_upload(request, self.page)
            return await answer(scope, receive, send)
        if path.startswith((BEAT, PROGRESS)) and scope["method"] == "GET":
            try:
                return await self._follow(scope, receive, send, address_of(request))
            except InputError as error:
                return await PlainTextResponse(str(error), 503)(scope, receive, send)
        if visit := VISIT.fullmatch(path):
            pages, (session, state) = self.page.open_pages, visit.groups()
            known = pages.close(session) if state == "closed" else pages.heard_of(session)
            answer = Response(status_code=204) if known else JSONResponse({"detail": NO_VISIT}, 404)
            return await answer(scope, receive, send)
        if scope["method"] == "GET" and path.startswith((f"{API}/queue/data", CALL)):
            await answer_stream(self.app, scope, receive, send)
            return self.page._queue.forget_call(path.rsplit("/", 1)[1])
        if scope["method"] != "POST":
            return await self.app(scope, receive, send)
        address = address_of(request)
        of_tool = path.startswith(MCP)
        if of_tool and not self.page.tool_calls.has_room(address):
            await drain(request, False)
            return await JSONResponse({"detail": YOURS}, 503)(scope, receive, send)
        call = self.page.tool_calls.answering(self.page.ledger, address) if of_tool else nullcontext()
        with self.page.request_bodies.receiving(address) as take, call:
            await self._call(scope, receive, send, request, take)

    async def _follow(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """A stream that lasts, of which there are so many at a time."""
        if scope["path"].startswith(PROGRESS):
            with routes.file_upload_statuses.following(address):
                return await self.app(scope, receive, send)
        session = scope["path"].removeprefix(BEAT)
        await self.page.open_pages.follow(self.app, scope, receive, send, session, address)

    async def _call(
        self, scope: Scope, receive: Receive, send: Send, request: Request, take: Callable[[int], None]
    ) -> None:
        """Pass on a call whose body was read and checked; `take` counts it."""
        path = scope["path"]
        try:
            most = limits.MOST_MCP_BYTES if path.startswith(MCP) else limits.MOST_CALL_BYTES
            body = await read_body(request, most, take)
            if path.startswith(MCP):
                check_values(body)
            else:
                body = json.dumps(self._checked_call(path, body)).encode()
                check_files(body)
        except InputError as error:
            code = 408 if isinstance(error, TooSlow) else 503 if isinstance(error, Busy) else 400
            if isinstance(error, Busy):
                await drain(request, False)
            return await JSONResponse({"detail": str(error)}, code)(scope, receive, send)
        except ClientDisconnect:
            return
        noting = Noting(send)
        try:
            await self.app(with_length(scope, len(body)), replaying(body, receive), noting)
        except (TypeError, KeyError, ValueError) as error:
            # Gradio's own checks of named arguments, and its answers that quote what cannot be said in JSON.
            if noting.started:
                raise
            log.info("a call was refused: %.500r", error)
            await JSONResponse({"detail": BAD_BODY}, 400)(scope, receive, send)

    def _checked_call(self, path: str, body: bytes) -> dict[str, Any]:
        """A call's JSON with nothing in it that only Gradio's own parts may say.

        Raises:
            InputError: it is none, nests too deep, or names no event of this page.
        """
        try:
            call = json.loads(body)
        except RecursionError:
            raise InputError(DEEP) from None
        except ValueError:
            raise InputError(BAD_BODY) from None
        if not isinstance(call, dict):
            raise InputError(BAD_BODY)
        check_values(body)
        if path.startswith(CALL):
            name = path.removeprefix(CALL).removeprefix("v2/").strip("/")
            if name not in self._endpoints():
                raise InputError(NOWHERE)
            if path.startswith(f"{CALL}v2/"):
                return call
        if path.startswith((f"{API}/cancel", f"{API}/reset")):
            return named(call)
        session, number = (named(call).get(key) for key in ("session_hash", "fn_index"))
        if session is not None and not (isinstance(session, str) and SESSION.fullmatch(session)):
            raise InputError(BAD_BODY)
        if not isinstance(call.get("data"), list):
            raise InputError(BAD_BODY)
        if not path.startswith(CALL) and not (type(number) is int and runs_here(self.page, number)):
            raise InputError(NO_EVENT)
        if path.startswith((f"{API}/run/", f"{API}/api/")) and self.page.fns[number].queue:
            raise InputError(QUEUED)
        return {key: call[key] for key in KEPT if key in call}


def is_kept(name: bytes, value: bytes) -> bool:
    """Whether a header reaches Gradio. It answers parts of a file one at a time, and fails over any other request for
    parts; without the header it sends the whole file, as it may."""
    if name == b"content-type":
        return len(value) <= LONGEST_TYPE
    return name not in NOT_BELIEVED and (name != b"range" or ONE_RANGE.fullmatch(value) is not None)
