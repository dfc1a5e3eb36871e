"""Runs of the people finder that share a dataset, end half-way, or find a journal of something else."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.annotations.test_builtin import StandIn
from threedsl.annotations import builtin, dataset, journal
from threedsl.annotations.dataset import open_dataset
from threedsl.data.keypoints import read_alphapose
from threedsl.data.layout import pose_file, pose_id
from threedsl.errors import InputError


@pytest.fixture
def stand_in(monkeypatch):
    found = StandIn()
    monkeypatch.setattr(builtin, "estimator", found)
    return found


def found_in(root):
    return sorted(read_alphapose(pose_file(root)))


def test_two_runs_over_two_lists_at_once_keep_each_others_keypoints(prcc, stand_in, monkeypatch):
    """The second one writes what it found while the first one has read the file and not written it again."""
    best = dataset.best_detections
    second = threading.Thread(target=lambda: builtin.add_both(open_dataset(prcc, ["query"])), daemon=True)

    def meanwhile(detections):
        kept = best(detections)
        if not second.ident:
            second.start()
            second.join(1)  # it writes now, or waits
        return kept

    builtin.add_both(open_dataset(prcc, ["gallery"]))
    monkeypatch.setattr(dataset, "best_detections", meanwhile)
    builtin.add_both(open_dataset(prcc, ["train"]))
    second.join(20)
    listed = open_dataset(prcc).pictures
    assert len(stand_in.seen) == 6 and len(found_in(prcc)) == 5  # nobody is in one of them
    assert set(found_in(prcc)) < {pose_id(prcc, picture) for picture in listed}


def test_a_run_that_ends_leaves_the_journal_of_one_that_goes_on(prcc, stand_in):
    """What the other one has noted since it began is found again if that one is stopped."""
    train, query = (open_dataset(prcc, [name]).pictures for name in ("train", "query"))
    points = np.ones((17, 3), np.float32)
    first, other = (journal.Journal(prcc, "grabcut") for _ in range(2))
    first.path.parent.mkdir()
    for notes, pictures in ((first, train), (other, query)):
        for picture in pictures:
            notes.add(picture, points, journal.state_of(picture))
    first.close(train)
    again = journal.Journal(prcc, "grabcut")
    assert [again.points(picture).tolist() for picture in query] == [points.tolist()] * 2
    other.close(query)
    assert not other.path.exists()
    first.close(train)  # it is gone already


def test_a_full_disk_is_said_with_what_to_do(annotate, prcc, stand_in, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            raise OSError(122, "Disk quota exceeded")

        def write(self, text):
            return len(text)

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **more: Full() if mode == "a" else opened(path, mode, **more)
    )
    code, _, err = annotate("--builtin")
    assert code == 2 and "builtin.part cannot be written (Disk quota exceeded); free some space, then" in err


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[]",
        b"1",
        b'{"picture": "%s"}',
        b'{"picture": "%s", "points": null}',
        b'{"picture": ["%s"], "points": null, "file": [1, 2]}',
        b'{"picture": "%s", "points": [1], "file": [1, 2]}',
        b'{"picture": "%s", "points": [[1], [2, 3]], "file": [1, 2]}',
        b'{"picture": "%s", "points": "x", "file": [1, 2]}',
        b'{"picture": "%s", "points": 1%s, "file": [1, 2]}' % (b"%s", b"0" * 400),
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)
def test_lines_of_something_else_are_passed_over(annotate, prcc, stand_in, line):
    picture = pose_id(prcc, open_dataset(prcc).pictures[0]).encode()
    (prcc / "pose").mkdir()
    (prcc / "pose" / "builtin.part").write_bytes(line.replace(b"%s", picture) + b"\n")
    assert annotate("--builtin")[0] == 0 and len(stand_in.seen) == 6


def test_a_picture_that_goes_meanwhile_ends_in_a_sentence(prcc, stand_in):
    opened = open_dataset(prcc)
    opened.pictures[0].unlink()
    with pytest.raises(InputError, match="does not exist"):
        builtin.add_both(opened)
    assert journal.state_of(opened.pictures[0]) == [0, 0]


def test_half_a_character_in_a_name_from_elsewhere_is_kept(annotate, prcc, stand_in):
    (prcc / "pose").mkdir()
    entry = {"image_id": "\ud800 é.jpg", "keypoints": [1.0] * 51, "score": 1.0}
    pose_file(prcc).write_text(json.dumps([entry]))
    assert annotate("--builtin")[0] == 0
    assert "\ud800 é.jpg" in found_in(prcc) and len(found_in(prcc)) == 6
