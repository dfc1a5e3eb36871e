"""gr.Blocks that trusts no input, and whose endpoints may gain parameters without breaking callers."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.routes import App
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from threedsl.errors import InputError
from threedsl.ui.api.compression import compress_no_files
from threedsl.ui.api.leftovers import leave_nothing
from threedsl.ui.api.own_address import describe_for_each
from threedsl.ui.api.own_pictures import keep_apart
from threedsl.ui.api.starting import start_patiently
from threedsl.ui.api.turns import take_turns
from threedsl.ui.errors import DISK_FULL
from threedsl.ui.security.caller import Caller, calling
from threedsl.ui.security.connections import Connections
from threedsl.ui.security.guard import Guard
from threedsl.ui.security.ledger import Ledger
from threedsl.ui.security.patience import bound_connections
from threedsl.ui.security.payload import checked, checked_inputs, files_in
from threedsl.ui.security.queue import FairQueue, address_of
from threedsl.ui.security.request_bodies import RequestBodies
from threedsl.ui.security.tools import ToolCalls, keep_in_ledger, wait_without_thread
from threedsl.ui.security.visits import OpenPages, Running, States
from threedsl.ui.security.written import writing

NOT_READ = "The arguments do not fit this call; see docs/api.md or /gradio_api/info."

log = logging.getLogger(__name__)
take_turns()
leave_nothing()
start_patiently()
describe_for_each()
compress_no_files()
keep_apart()


class Page(gr.Blocks):
    """gr.Blocks where every file that an event or endpoint is given must be the caller's own, and where a plain HTTP
    call may leave out an endpoint's last arguments, as one of gradio_client may."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.open_pages = OpenPages()
        self.connections = Connections()
        self.request_bodies = RequestBodies()
        self.tool_calls = ToolCalls()
        self.running = Running()
        self.states = States(self.open_pages.__contains__)
        self.ledger = Ledger(Path(get_upload_folder()).resolve(), self.own_files)

    def own_files(self) -> set[str]:
        """Paths in Gradio's cache that belong to the page and not to a visitor: its examples and pictures."""
        return {path for block in self.blocks.values() for path in block.keep_in_cache}

    def __exit__(self, *raised: Any) -> None:
        with without_application():
            super().__exit__(*raised)

    def queue(self, **options: Any) -> Page:
        """As gr.Blocks.queue, but fair."""
        with without_application():
            super().queue(**options)
        FairQueue.take_over(self._queue)
        return self

    def launch(self, **options: Any) -> tuple:
        """As gr.Blocks.launch, with the guard before it."""
        kwargs = dict(options.pop("app_kwargs", None) or {})
        kwargs["middleware"] = [*kwargs.get("middleware", ()), Middleware(Guard, page=self)]
        returns_at_once = options.pop("prevent_thread_lock", False)
        # Gradio would ask for its page once more, and end where a busy machine takes three seconds for it.
        options["_frontend"] = False
        launched = super().launch(app_kwargs=kwargs, prevent_thread_lock=True, **options)
        bound_connections(self.server.config, self.connections)
        self.app.state_holder = self.states
        self.states.set_blocks(self)
        if self.mcp_server_obj is not None:
            keep_in_ledger(self.mcp_server_obj, self.ledger)
            wait_without_thread(self.mcp_server_obj)
        if not returns_at_once:
            self.block_thread()
        return launched

    async def process_api(
        self, block_fn: BlockFunction | int, inputs: list[Any], **options: Any
    ) -> dict[str, Any]:
        """Run an event, after its inputs were checked and before its answer's files are the caller's."""
        if options.get("explicit_call"):
            return await super().process_api(block_fn, inputs, **options)
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        session, event_id = options.get("session_hash"), options.get("event_id")
        alone = (
            session is None or session == event_id
        )  # the queue gives a call without a session its event's id
        caller = Caller(None if alone else session, address_of(options.get("request")))
        try:
            event = options.get("event_data")
            if event is not None:
                given = checked(event._data, self.ledger, caller)
                event._data = given if isinstance(given, dict) else {}  # as every event here reads it
            if not function.cancels:
                inputs = checked_inputs(inputs, function.inputs, self.ledger, caller)
            with calling(caller), writing() as keep, self.running.running(caller.session) as has_ended:
                output = await super().process_api(block_fn, inputs, **options)
                files = files_in(output.get("data"))
                self.ledger.answered(files, caller)
                keep(files)
                if has_ended():
                    self.ledger.forget(caller.session)
            return output
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise gr.Error(DISK_FULL, print_exception=False) from None
        except gr.Error:  # which is a ValueError
            raise
        except (TypeError, ValueError, LookupError) as error:
            # Functions of Gradio's own, such as that of its examples, which expect what its page sends.
            log.warning("a call was refused: %.500r", error)
            raise gr.Error(NOT_READ, print_exception=False) from None
        finally:
            if alone:
                self.states.drop(session)
            else:
                self.states.weigh(session)

    async def preprocess_data(self, *args: Any, **options: Any) -> list[Any]:
        """What Gradio makes of the inputs; what it cannot read is a sentence."""
        try:
            return await super().preprocess_data(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            log.info("a call was refused: %.500r", error)
            raise gr.Error(NOT_READ, print_exception=False) from None

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        """Complete `inputs` with the values of the components that the caller gave nothing for."""
        inputs += [component.value for component in block_fn.inputs[len(inputs) :]]
        super().validate_inputs(block_fn, inputs)


@contextmanager
def without_application() -> Iterator[None]:
    """Gradio makes a web application, of 80 routes, after every step of building a page, and in `launch` the one that
    serves. The others are left out: they take half of the time of building."""
    make = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)
    try:
        yield
    finally:
        App.create_app = staticmethod(make)
