"""What any test may ask for, and what happens to a test whose machine lacks it.

A test that asks for one of `NEEDS` by its fixture's name is left out where that thing is missing, and the
summary says which test and why. With THREEDSL_REQUIRE_ALL=1, as the CI sets it, nothing may be left out:
a test that is skipped for any reason fails instead.
"""

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import NoBrowser, find_chromium

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a test reaches no hub
if "PYTEST_XDIST_WORKER" in os.environ:
    # Set before torch is imported: each worker has one core, and threads that wait for each other's turn spin.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_FIXTURES = REPOSITORY.parent / "shared" / "fixtures"
TEACHERS = REPOSITORY.parent / "shared" / "teachers"
CHECKPOINT = REPOSITORY / "checkpoints" / "3dsl-lite"
REQUIRE_ALL = os.environ.get("THREEDSL_REQUIRE_ALL", "") not in ("", "0")


def missing_chromium() -> str | None:
    try:
        find_chromium()
    except NoBrowser as error:
        return str(error)
    return None


def missing_fixtures() -> str | None:
    if SHARED_FIXTURES.is_dir():
        return None
    return "sample files of other programs (../shared/fixtures) are not distributed with the repository"


def missing_teachers() -> str | None:
    return None if TEACHERS.is_dir() else "the folder shared/teachers is not beside the repository"


def missing_checkpoint() -> str | None:
    weights = list(CHECKPOINT.glob("model*.safetensors"))  # one file, or pieces below 9 MB
    return None if weights else "checkpoints/3dsl-lite holds no weights"


def missing_npm() -> str | None:
    return None if shutil.which("npm") else "npm was not found: install Node.js"


NEEDS: dict[str, Callable[[], str | None]] = {
    "chromium_path": missing_chromium,
    "npm": missing_npm,
    "shared_fixtures": missing_fixtures,
    "shipped_checkpoint": missing_checkpoint,
    "teachers": missing_teachers,
}


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The Chromium to hand to Playwright as `executable_path`."""
    return find_chromium()


@pytest.fixture(scope="session")
def npm() -> str:
    """The program that fetches packages of the npm registry."""
    return shutil.which("npm")


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The folder of sample files that lies beside the repository, not in it."""
    return SHARED_FIXTURES


@pytest.fixture(scope="session")
def teachers() -> Path:
    """The folder of published start nets that lies beside the repository, not in it."""
    return TEACHERS


@pytest.fixture(scope="session")
def shipped_checkpoint() -> Path:
    """The folder of the checkpoint that the page loads by default."""
    return CHECKPOINT


MARKS = {"browser": {"chromium_path"}, "server": {"page_url", "page_of_its_own", "demo_page", "served"}}
"""Which fixtures give a test which marker of pyproject.toml."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark, fixtures in MARKS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(mark)
    reasons = {name: missing() for name, missing in NEEDS.items()}
    for item in items:
        for name in getattr(item, "fixturenames", ()):
            if reasons.get(name):
                item.add_marker(pytest.mark.skip(reason=reasons[name]))


def pytest_collection_finish() -> None:
    """What five thousand collected tests hold stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    return nothing_left_out((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    return nothing_left_out((yield))


def nothing_left_out(report: pytest.TestReport | pytest.CollectReport):
    """`report`, turned into a failure if it was skipped where nothing may be left out."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{reason_of(report)} (THREEDSL_REQUIRE_ALL is set: nothing may be left out)"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = terminalreporter.stats.get("skipped", [])
    if left_out:
        terminalreporter.section(f"{len(left_out)} left out")
        for report in left_out:
            terminalreporter.line(f"{report.nodeid}: {reason_of(report)}")


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")
