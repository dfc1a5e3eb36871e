"""How much one visit, one client address and all of them together may use. docs/security.md prints these as a table."""

from __future__ import annotations

import os

# Files
MOST_TEMP_BYTES = 8 * 2**30  # of the uploads and answers of all visitors together
MOST_VISIT_BYTES = 2 * 2**30  # of one visit, and of one client address
MOST_VISIT_ANSWER_BYTES = (
    2**29
)  # of these, files written as answers to one visit; the oldest give way to new ones
MOST_ADDRESS_ANSWER_BYTES = 2**30  # the same for one client address
MOST_ANSWER_BYTES = 3 * 2**30  # the same for all
LEAST_FREE_BYTES = 256 * 2**20  # of the disk that uploads go to
MOST_FILES = 600  # of one upload, and of one call
UNTOUCHED_UPLOAD_SECONDS = 1200  # life of an upload that no event ever named
MAKE_ROOM_SECONDS = 120  # an upload that no event named may go after this, where room is short

# Requests
MOST_CALL_BYTES = 2**20  # of the JSON of one call
MOST_MCP_BYTES = 30 * 2**20  # of a tool's call, which carries its pictures as text
MOST_BODY_BYTES = 256 * 2**20  # of all calls being received or answered together, which are held in memory
MOST_ADDRESS_BODY_BYTES = 96 * 2**20  # of these, from one client address
MOST_CONNECTIONS = 2048  # open at a time
MOST_CONNECTIONS_PER_ADDRESS = 256
# from the connection, or from the first byte after an answer, to the end of a request's head
MOST_HEAD_SECONDS = 20
MOST_STALL_SECONDS = 30  # between two pieces of a request's body
MOST_UNTAKEN_SECONDS = 120  # that nothing is taken of an answer; the system's own buffer hides slow progress
MOST_EARLY_BYTES = 2**20  # that a client may send before it has the answer to its request
MOST_BODY_SECONDS = 900  # of one body
LEAST_CHUNK_BYTES = 1024  # of a body without a length, which comes in chunks; on average
FREE_CHUNKS = 100  # of each body, that may be smaller
MOST_FOLLOWED = 512  # uploads whose progress is kept for a page to ask
MOST_FOLLOWING = 128  # that ask for it at a time; each answer looks for news twenty times a second
MOST_FOLLOWING_PER_ADDRESS = 16
MOST_DEPTH = 12  # of lists and objects in a call
MOST_VALUES = 10_000  # in a call: the event loop looks at each of them several times
MOST_UNREAD_BYTES = 256 * 2**20  # of unread answers held in memory
MOST_UNSENT_BYTES = 128 * 2**20  # of answers that are on their way to clients which take them slowly
UNREAD_SECONDS = 20  # a stream that took nothing for so long is not being read

# Queues
MODEL_AT_ONCE = 2  # forward passes; more would only slow each other down on two cores
ANSWERS_AT_ONCE = 6  # searches and comparisons being answered, decoding included
READS_AT_ONCE = 2  # photos being decoded for the page
BUILDS_AT_ONCE = 1  # galleries
DECODED_AT_ONCE = READS_AT_ONCE + BUILDS_AT_ONCE  # pictures, each by a process of its own
READS = {"concurrency_limit": READS_AT_ONCE, "concurrency_id": "reads"}  # arguments of Gradio's events
BUILDS = {"concurrency_limit": BUILDS_AT_ONCE, "concurrency_id": "builds"}
MOST_WAITING = 64  # in all queues together
MOST_WAITING_PER_VISIT = 8
MOST_WAITING_PER_ADDRESS = 48
MOST_TOOL_CALLS_PER_ADDRESS = 12  # being answered
MOST_WAITING_BY_TOOLS = 32  # of all callers of MCP tools, who are one visit to Gradio

# Visits
MOST_SESSIONS = 256  # whose photos and answers are remembered
MOST_STATE_BYTES = 2**30  # of the memory that these take
MOST_OPEN_PAGES = 512
MOST_OPEN_PAGES_PER_ADDRESS = 64
SIGN_SECONDS = 90  # a page whose connection broke counts as open for so long after each keep-alive
MOST_SILENT_SECONDS = 600  # without any, after which a visit ends as if its page were closed


def addresses_are_shared() -> bool:
    """Whether many visitors may come from one address, so that no limit may be based on it.

    So it is in a Hugging Face Space, whose proxy hides the visitors, unless FORWARDED_ALLOW_IPS trusts that proxy.
    """
    return bool(os.environ.get("SPACE_ID")) and not os.environ.get("FORWARDED_ALLOW_IPS")
