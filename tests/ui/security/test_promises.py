"""docs/security.md promises what the code does."""

import re

from tests.conftest import REPOSITORY
from threedsl.data.decoding.decode import DECODED_AT_ONCE, MAX_BYTES
from threedsl.data.decoding.processes import MOST_BYTES as DECODING_BYTES
from threedsl.data.decoding.processes import MOST_CPU_SECONDS
from threedsl.gallery import archive, upload
from threedsl.ui import cleanup, sessions
from threedsl.ui.gallery.handlers import MOST_SECONDS
from threedsl.ui.search.query import MOST_PHOTOS
from threedsl.ui.search.tab import VISIT_SECONDS
from threedsl.ui.security import headers, limits

MB, GB = 2**20, 2**30


def minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def promised() -> list[tuple[str, str]]:
    """(what, how much) from the constants that the code uses."""
    return [
        ("one picture", f"{MAX_BYTES // MB} MB"),
        ("one file of an upload, and one zip", f"{archive.MOST_ZIP_BYTES // MB} MB"),
        ("what a zip unpacks to", f"{archive.MOST_BYTES // MB} MB, {archive.MOST_ENTRIES:,} entries"),
        ("files of one upload, and of one call", f"{limits.MOST_FILES}"),
        ("files of one visit, and of one client address", f"{limits.MOST_VISIT_BYTES // GB} GB"),
        ("files of all visits together", f"{limits.MOST_TEMP_BYTES // GB} GB"),
        (
            "of these, answers: of one visit, of one client address, of all; the oldest go first",
            f"{limits.MOST_VISIT_ANSWER_BYTES // MB} MB, {limits.MOST_ADDRESS_ANSWER_BYTES // GB} GB, "
            f"{limits.MOST_ANSWER_BYTES // GB} GB",
        ),
        ("free disk space left untouched", f"{limits.LEAST_FREE_BYTES // MB} MB"),
        ("lifetime of a file", minutes(cleanup.EVERY + cleanup.AGE)),
        ("lifetime of an upload that is never used", minutes(limits.UNTOUCHED_UPLOAD_SECONDS)),
        ("lifetime of a search on the page", minutes(VISIT_SECONDS)),
        ("photos of one search", f"{MOST_PHOTOS}"),
        ("pictures of one gallery", f"{upload.MOST_PICTURES}"),
        ("time to build a gallery", minutes(MOST_SECONDS)),
        (
            "galleries of one visit",
            f"{sessions.MOST_PER_VISIT}, {sessions.MOST_VISIT_PICTURES:,} pictures together",
        ),
        (
            "galleries of one client address",
            f"{sessions.MOST_ADDRESS_GALLERIES}, {sessions.MOST_ADDRESS_PICTURES:,} pictures together",
        ),
        (
            "galleries of all visits together",
            f"{sessions.MOST_GALLERIES}, {sessions.MOST_PICTURES_IN_ALL:,} pictures together",
        ),
        ("of these, made where no page is open", f"{sessions.MOST_API_GALLERIES}"),
        ("lifetime of an unused gallery", minutes(sessions.UNUSED_SECONDS)),
        ("the same if never used and no page is open", minutes(sessions.UNTOUCHED_SECONDS)),
        ("forward passes at a time", f"{limits.MODEL_AT_ONCE}"),
        ("searches and comparisons being answered", f"{limits.ANSWERS_AT_ONCE}"),
        ("photos of the page being read", f"{limits.READS_AT_ONCE}"),
        ("galleries being built", f"{limits.BUILDS_AT_ONCE}"),
        (
            "pictures being decoded, each by a process of its own",
            f"{limits.DECODED_AT_ONCE}, {DECODED_AT_ONCE // 10**6} megapixels together",
        ),
        (
            "time of the processor, and memory, to decode a picture",
            f"{MOST_CPU_SECONDS:g} s, {DECODING_BYTES / GB:g} GB",
        ),
        (
            "waiting requests",
            f"{limits.MOST_WAITING}; {limits.MOST_WAITING_PER_VISIT} of one visit, "
            f"{limits.MOST_WAITING_PER_ADDRESS} of one client address",
        ),
        (
            "a call's JSON",
            f"{limits.MOST_CALL_BYTES // MB} MB, {limits.MOST_VALUES:,} values, {limits.MOST_DEPTH} lists and objects "
            "deep",
        ),
        (
            "time for a request's head, and between two pieces of its body",
            f"{limits.MOST_HEAD_SECONDS} s, {limits.MOST_STALL_SECONDS} s",
        ),
        ("time for a whole upload or call to arrive", minutes(limits.MOST_BODY_SECONDS)),
        ("a chunk of a body that has no length", f"{limits.LEAST_CHUNK_BYTES:,} bytes at least, on average"),
        ("time that a client may take nothing of its answer", minutes(limits.MOST_UNTAKEN_SECONDS)),
        ("what a client may send before it has its answer", f"{limits.MOST_EARLY_BYTES // MB} MB"),
        ("a call of an MCP tool", f"{limits.MOST_MCP_BYTES // MB} MB, {limits.MOST_VALUES:,} values"),
        ("calls of MCP tools being answered", f"{limits.MOST_TOOL_CALLS_PER_ADDRESS} of one client address"),
        (
            "calls in memory",
            f"{limits.MOST_BODY_BYTES // MB} MB; {limits.MOST_ADDRESS_BODY_BYTES // MB} MB of one client address",
        ),
        ("unfetched answers held in memory", f"{limits.MOST_UNREAD_BYTES // MB} MB"),
        ("answers on their way to slow clients", f"{limits.MOST_UNSENT_BYTES // MB} MB"),
        (
            "connections",
            f"{limits.MOST_CONNECTIONS:,}; {limits.MOST_CONNECTIONS_PER_ADDRESS} of one client address",
        ),
        (
            "open pages",
            f"{limits.MOST_OPEN_PAGES}; {limits.MOST_OPEN_PAGES_PER_ADDRESS} of one client address",
        ),
        ("time without a connection until a page counts as closed", minutes(limits.MOST_SILENT_SECONDS)),
        (
            "pages that follow an upload's progress",
            f"{limits.MOST_FOLLOWING}; {limits.MOST_FOLLOWING_PER_ADDRESS} of one client address",
        ),
        ("remembered visits", f"{limits.MOST_SESSIONS}"),
        ("memory of these; made-up visits are forgotten first", f"{limits.MOST_STATE_BYTES // GB} GB"),
    ]


def test_the_table_says_what_the_code_does():
    text = (REPOSITORY / "docs" / "security.md").read_text()
    section = text.split("## What is promised")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) +\| (.+?) +\|$", section, re.MULTILINE)[1:]
    rows = [row for row in rows if not row[0].startswith("---")]
    assert rows == promised()


def test_the_variables_are_those_that_the_code_reads():
    text = (REPOSITORY / "docs" / "security.md").read_text()
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "threedsl" / "ui").rglob("*.py"))
    for name in re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", text):
        assert name in sources, name


def test_who_may_frame_the_page_is_said():
    text = (REPOSITORY / "docs" / "security.md").read_text()
    for origin in re.search(r"frame-ancestors 'self' (.*)", headers.PAGE)[1].split():
        assert origin in text
