"""Pictures decoded by other processes: the same pixels and sentences, and an end for what takes too much."""

import os
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image, features

from tests.conftest import REPOSITORY
from tests.heif import box
from tests.pictures import encoded, person_like
from threedsl.data.budget import Budget
from threedsl.data.decoding.decode import NO_LIMITS, Limits, decode
from threedsl.data.decoding.processes import DecodingProcesses
from threedsl.errors import InputError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes get descriptors from their parent")


def picture(kind: str, side: int = 300, **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return encoded(Image.fromarray(noise), kind, **options)


SLOW = picture("PNG", 4500)
"""20 megapixels of noise, which no decoder reads within a tenth of a second or 50 MB."""


@pytest.fixture(scope="module")
def processes():
    return DecodingProcesses(2)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_pixels_are_the_same(processes, kind):
    data = picture(kind)
    assert np.array_equal(processes(data, "a picture", NO_LIMITS), decode(data, "a picture"))


def test_the_largest_result_fits_and_is_the_callers_own(processes):
    data = picture("JPEG", 2400)
    first = processes(data, "a picture", NO_LIMITS)
    assert first.shape == (2000, 2000, 3) and first.flags.writeable
    before = first.copy()
    processes(picture("PNG", 2000), "another", NO_LIMITS)
    assert np.array_equal(first, before)


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"", NO_LIMITS),
        (b"no picture", NO_LIMITS),
        (picture("PNG")[:400], NO_LIMITS),
        (picture("PNG"), Limits(100)),
    ],
    ids=["nothing", "junk", "cut off", "too large"],
)
def test_sentences_are_the_same(processes, data, limits):
    name = "naïve \udc80.png"
    with pytest.raises(InputError) as ours:
        processes(data, name, limits)
    with pytest.raises(InputError) as theirs:
        decode(data, name, limits)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("limits", [{"cpu_seconds": 0.1}, {"most_bytes": 50 * 2**20}], ids=["time", "memory"])
def test_what_takes_too_much_is_ended_and_the_next_picture_is_read(limits):
    processes = DecodingProcesses(1, **limits)
    start = time.monotonic()
    with pytest.raises(InputError, match=r"^a.png takes too much time or memory to decode"):
        processes(SLOW, "a.png", NO_LIMITS)
    assert time.monotonic() - start < 120
    assert processes(encoded(person_like()), "b.png", NO_LIMITS).shape == (128, 64, 3)


def listed(count: int) -> bytes:
    """An AVIF whose list names so many pictures, through which libavif goes for each of them."""
    plain = encoded(person_like(), "AVIF")
    at = plain.index(b"meta") - 4
    end = at + int.from_bytes(plain[at : at + 4], "big")
    # each says that it is the transparency of another one
    parts = b"".join(box(b"auxl", struct.pack(">HHH", 100 + i, 1, 60_000)) for i in range(count))
    lists = box(b"iref", bytes(4) + parts)
    return plain[:at] + box(b"meta", plain[at + 8 : end] + lists) + plain[end:]


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_a_decoder_that_blocks_its_process_does_not_block_this_one():
    """Decoded in this process, 59,000 pictures in a list stop every thread for 17 s."""
    data, ticks = listed(59_000), []
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(DecodingProcesses(1, cpu_seconds=1), data, "a.avif", NO_LIMITS)
        while not answer.done():
            ticks.append(time.monotonic())
            time.sleep(0.01)
    with pytest.raises(InputError, match=r"^a.avif takes too much time or memory"):
        answer.result()
    assert len(ticks) > 10 and np.diff(ticks).max() < 5  # a busy machine lets a thread wait as well


def test_a_process_that_was_killed_is_replaced(processes):
    alone = DecodingProcesses(1)
    alone(encoded(person_like()), "a.png", NO_LIMITS)
    (worker,) = alone._free.queue
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert alone(encoded(person_like()), "a.png", NO_LIMITS).shape == (128, 64, 3)


def test_a_picture_whose_process_is_killed_is_read_by_the_next_one():
    """The system may kill it when memory is short, for any picture."""
    alone = DecodingProcesses(1)
    alone(encoded(person_like()), "a.png", NO_LIMITS)
    (worker,) = alone._free.queue
    process = worker._process.pid
    os.kill(process, signal.SIGSTOP)  # so that it has the picture when it is killed
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(alone, encoded(person_like()), "a.png", NO_LIMITS)
        while not alone._free.empty():
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(process, signal.SIGKILL)
        assert answer.result().shape == (128, 64, 3)
    assert worker._process.pid != process


def test_many_threads_share_them_and_the_budget_of_pixels(processes, monkeypatch):
    """A budget of one picture and a half: one is decoded at a time, and nothing stays held."""
    budget = Budget(300 * 300 * 3 // 2)
    monkeypatch.setattr("threedsl.data.decoding.processes.DECODING", budget)
    data, most = picture("PNG"), []
    holding = Budget.hold

    @contextmanager
    def watched(self, amount):
        with holding(self, amount):
            most.append(self.held)
            yield

    monkeypatch.setattr(Budget, "hold", watched)
    with ThreadPoolExecutor(8) as pool:
        shapes = list(pool.map(lambda _: processes(data, "a picture", NO_LIMITS).shape, range(16)))
    assert shapes == [(300, 300, 3)] * 16 and most == [300 * 300] * 16 and budget.held == 0


ORPHANS = """
import os
from threedsl.data.decoding.decode import NO_LIMITS
from threedsl.data.decoding.processes import DecodingProcesses
from threedsl.errors import InputError
processes = DecodingProcesses(1)
try:
    processes(b"no picture", "a.png", NO_LIMITS)
except InputError:
    pass
print(processes._free.queue[0]._process.pid, flush=True)
os._exit(1)
"""


def test_they_end_with_their_parent():
    output = subprocess.run(
        [sys.executable, "-c", ORPHANS], cwd=REPOSITORY, capture_output=True, text=True
    ).stdout
    for _ in range(600):
        try:
            os.kill(int(output), 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("it still runs")


def test_they_work_whatever_the_current_folder_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert DecodingProcesses(1)(encoded(person_like()), "a.png", NO_LIMITS).shape == (128, 64, 3)
