"""What `python -m train synthesize` writes, and that it is the same however it is made."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.train.synthetic import PEOPLE, SETTINGS, SMALL, contents, synthesize
from threedsl.body import DEFAULT_BODY
from threedsl.data.listfile import read_list
from threedsl.evaluation.metrics import Labels, evaluate
from train.synthesize import command, files
from train.synthesize.activities import SHARES

pytestmark = pytest.mark.slow


def test_two_processes_and_a_continued_run_give_the_same_bytes(run, tmp_path):
    out = tmp_path / "set"
    assert synthesize(out, SETTINGS | {"--people": "2", "--workers": "2"}) == 0
    first, whole = contents(out), contents(run)
    people = {name for name in first if name.split("/")[0] in ("images", "mask", "people")}
    assert len(people) > 60
    assert all(first[name] == whole[name] for name in people)
    assert synthesize(out, SETTINGS | {"--people": str(PEOPLE), "--workers": "1"}) == 0
    assert contents(out) == whole


@pytest.mark.parametrize(
    "deleted",
    [
        ["people/00002.npz", "images/00002", "mask/00002", "list", "pose", "truth.npz"],
        ["people/00001.npz"],
        ["images/00002"],
        ["mask/00001"],
    ],
    ids=["all of a person", "record", "pictures", "masks"],
)
def test_missing_files_are_recreated_with_the_same_bytes(small, tmp_path, deleted):
    out = shutil.copytree(small, tmp_path / "set")
    for name in deleted:
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink()
    for name in ("images/.00002.999/half.jpg", "mask/.00002.999/half.png", "people/.00002.999.npz"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"left by a run that was stopped")
    assert synthesize(out, SMALL) == 0
    assert contents(out) == contents(small)
    assert not list((out / "images").glob(".*"))


def test_a_complete_run_is_not_made_again(small, monkeypatch):
    before = contents(small)
    monkeypatch.setattr(command, "make_person", None)  # would fail if it were called
    assert synthesize(small, SMALL) == 0
    assert contents(small) == before


def test_another_seed_gives_other_people(small, tmp_path):
    assert synthesize(tmp_path / "set", SMALL | {"--people": "1", "--seed": "8"}) == 0
    other, ours = (contents(folder / "images" / "00001") for folder in (tmp_path / "set", small))
    assert not set(other.values()) & set(ours.values())


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--seed", "8", "seed"),
        ("--outfits", "2 3", "outfits"),
        ("--pictures-per-outfit", "4", "pictures"),
        ("--cameras", "5", "cameras"),
        ("--samples", "2", "samples"),
        ("--test-share", "0.4", "test_share"),
        ("--poses", "walking", "poses"),
        ("--changing", "1", "changing"),
        ("--background-share", "1", "background_share"),
    ],
)
def test_other_settings_are_refused_in_a_begun_folder(small, capsys, option, value, named):
    before = contents(small)
    assert synthesize(small, SMALL | {option: value}) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {small} was started with other values of {named}; choose another --out or delete it."
    )
    assert contents(small) == before


def test_a_set_of_another_version_is_refused(small, capsys):
    path = small / "dataset.json"
    path.write_text(path.read_text().replace('"version": 4', '"version": 2'))
    before = contents(small)
    assert synthesize(small, SMALL) == 2
    assert (
        "was started by another version of this program, which makes other people;" in capsys.readouterr().err
    )
    assert contents(small) == before
    path.write_text(path.read_text().replace('"version": 2', '"version": 4'))


def test_the_truth_says_what_people_do(truth):
    assert len(truth["activity"]) == len(truth["paths"])
    assert {"walking", "sitting", "arms"} <= set(truth["activity"].tolist()) <= set(SHARES)


def test_people_who_only_walk_or_stand_are_on_request(tmp_path):
    assert synthesize(tmp_path / "set", SMALL | {"--poses": "walking"}) == 0
    with np.load(tmp_path / "set" / "truth.npz") as file:
        assert set(file["activity"].tolist()) == {"walking", "standing"}


def test_another_body_or_other_backgrounds_are_refused_too(small, tmp_path, capsys):
    shutil.copy(DEFAULT_BODY, tmp_path / "other.npz")
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((99, 99, 3), np.uint8))
    assert synthesize(small, SMALL | {"--body": str(tmp_path / "other.npz")}) == 2
    assert "other values of body;" in capsys.readouterr().err
    assert synthesize(small, SMALL | {"--backgrounds": str(tmp_path)}) == 2
    assert "other values of backgrounds;" in capsys.readouterr().err


def lists(folder):
    return {name: read_list(folder / "list" / f"{name}.txt") for name in ("train", "query", "gallery")}


def labels(records):
    columns = zip(*[(r.pid, r.camid, r.clothes) for r in records], strict=True)
    return Labels(*(np.array(column) for column in columns))


def test_people_are_either_trained_on_or_tested_with(run):
    parts = lists(run)
    trained, queried, shown = ({record.pid for record in part} for part in parts.values())
    assert trained == {"00001", "00003"} and queried == shown == {"00002", "00004"}
    listed = [record.path for part in parts.values() for record in part]
    assert len(listed) == len(set(listed))
    assert set(listed) == set((run / "images").rglob("*.jpg"))


def test_every_person_changes_clothes_and_passes_cameras(run):
    records = [record for part in lists(run).values() for record in part]
    for pid in {record.pid for record in records}:
        own = [record for record in records if record.pid == pid]
        outfits = {record.clothes for record in own}
        assert 4 <= len(outfits) <= 6
        assert 4 <= len({record.camid for record in own}) <= 6
        for outfit in outfits:
            cameras = [record.camid for record in own if record.clothes == outfit]
            assert len(cameras) == len(set(cameras)) == 4


@pytest.mark.parametrize("folder", ["run", "small"])
def test_every_query_has_matches_in_the_same_and_in_other_clothes_from_another_camera(folder, request):
    parts = lists(request.getfixturevalue(folder))
    for query in parts["query"]:
        matches = [r for r in parts["gallery"] if r.pid == query.pid and r.camid != query.camid]
        assert any(match.clothes == query.clothes for match in matches)
        assert any(match.clothes != query.clothes for match in matches)
    outfits = {(record.pid, record.clothes) for record in parts["gallery"]}
    assert len(parts["query"]) == len(outfits)  # one query for each outfit of each person


def test_all_protocols_score_every_query(run):
    parts = lists(run)
    query, gallery = labels(parts["query"]), labels(parts["gallery"])
    similarity = (query.pids[:, None] == gallery.pids[None]).astype(float)
    for protocol in ("standard", "cloth-changing", "same-clothes"):
        scores = evaluate(similarity, query, gallery, protocol)
        assert len(scores.query) == len(query.pids) and scores.rank(1) == 1


def test_the_split_stays_when_the_set_grows():
    for share in (0.0, 0.1, 0.125, 0.2, 0.5, 0.9):
        held_out = [files.is_test(index, share) for index in range(1000)]
        assert sum(held_out) == pytest.approx(1000 * share, abs=1)


def test_the_outfit_pool_is_shared_by_number(run, truth):
    shared = truth["shared_outfit"]
    assert shared.shape == (len(truth["paths"]),) and shared.min() >= -1 and shared.max() < 120
    assert (shared == -1).mean() > 0.4


def test_a_preview_shows_the_first_people_with_their_truth(small, tmp_path):
    before = contents(small)
    plain, marked = tmp_path / "sheets" / "plain.png", tmp_path / "marked.png"
    assert synthesize(small, SMALL | {"--preview": str(plain)}) == 0
    assert synthesize(small, SMALL | {"--preview": str(marked)}, "--preview-truth") == 0
    sheets = [cv2.imread(str(path)) for path in (plain, marked)]
    assert all(sheet.shape == (2 * 256, 16 * 128, 3) for sheet in sheets)
    first = sorted((small / "images" / "00001").glob("*_o0_0.jpg"))[0]
    assert np.array_equal(sheets[0][:256, :128], cv2.imread(str(first)))
    changed = (sheets[0] != sheets[1]).any(-1)
    assert 0.01 < changed[:256, :128].mean() < 0.5
    assert contents(small) == before


def test_uniforms_dress_everyone_alike(tmp_path):
    assert synthesize(tmp_path / "set", SMALL | {"--uniforms": "2", "--people": "3"}) == 0
    with np.load(tmp_path / "set" / "truth.npz") as file:
        people = np.array([Path(path).parts[1] for path in file["paths"]])
        for person in np.unique(people):
            worn = file["shared_outfit"][people == person]
            assert sorted(set((worn // 2).tolist())) == [0, 1] and len(set((worn % 2).tolist())) == 1


def test_an_outfit_drawn_twice_is_one_outfit():
    clothes, pool = np.array([0, 0, 1, 1, 2, 2, 3]), np.array([-1, -1, 7, 7, 7, 7, 4])
    assert files.same_outfits(clothes, pool).tolist() == [0, 0, 1, 1, 1, 1, 3]
    assert files.same_outfits(clothes, np.full(7, -1)).tolist() == clothes.tolist()
