"""Synthetic people: the same files however they are made, lists that can be scored, truth that fits the pictures."""

import argparse
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from threedsl.body import DEFAULT_BODY, BodyModel
from threedsl.body.camera import project
from threedsl.data.keypoints import read_alphapose
from threedsl.data.listfile import read_list
from threedsl.errors import InputError
from threedsl.evaluation.metrics import Labels, evaluate
from train.__main__ import main
from train.synthesize import command, files, scenes
from train.synthesize.figure import load_figure, sample_body, vertex_normals
from train.synthesize.garments import Cut, helper_piece
from train.synthesize.paint import Paint, apply_paint
from train.synthesize.person import frame_camera, project_points
from train.synthesize.poses import rotation, sample_gait, sample_pose, standing, walking
from train.synthesize.render import Light, Surface, build_scene, camera_position, render

SIZE = (256, 128)
PEOPLE = 4
SETTINGS = {"--seed": "7", "--samples": "1", "--test-share": "0.5", "--wardrobe": "none"}
SMALL = SETTINGS | {
    "--people": "2",
    "--outfits": "2 2",
    "--pictures-per-outfit": "3",
    "--cameras": "4",
    "--workers": "1",
}


def words(out, options):
    """The command line."""
    return [
        "synthesize",
        "--out",
        str(out),
        *(w for name, value in options.items() for w in (name, *value.split())),
    ]


def synthesize(out, options, *flags):
    return main([*words(out, options), *flags])


def contents(folder):
    """{path: bytes} of every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four people at the default numbers of outfits, pictures and cameras, made by one process."""
    out = tmp_path_factory.mktemp("run") / "set"
    assert synthesize(out, SETTINGS | {"--people": str(PEOPLE), "--workers": "1"}) == 0
    return out


@pytest.fixture(scope="module")
def truth(run):
    with np.load(run / "truth.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def keypoints(run, truth):
    """(N,17,3) as written for AlphaPose, in the order of the truth."""
    poses = read_alphapose(run / "pose" / "alphapose-results.json")
    return np.stack([poses[Path(path).name] for path in truth["paths"]])


@pytest.fixture(scope="module")
def masks(run, truth):
    """(N,256,128) uint8."""
    names = [Path(path).relative_to("images").with_suffix(".png") for path in truth["paths"]]
    return np.stack([cv2.imread(str(run / "mask" / name), cv2.IMREAD_UNCHANGED) for name in names])


@pytest.fixture(scope="module")
def bodies(truth):
    """Coarse vertices and keypoints of the truth's betas and poses, in pixels of the crop, and the vertices' depths."""
    model, camera = BodyModel.load(), torch.from_numpy(truth["camera"])
    output = model(torch.from_numpy(truth["betas"]), torch.from_numpy(truth["pose"]))
    points, _ = project(output.vertices, camera, SIZE)
    marks, _ = project(output.keypoints, camera, SIZE)
    return points.numpy(), marks.numpy(), model.faces_coarse


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two people, two outfits, three pictures each."""
    out = tmp_path_factory.mktemp("small") / "set"
    assert synthesize(out, SMALL) == 0
    return out


# The same files however they are made --------------------------------------------------------------------------


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
def test_what_is_missing_is_made_anew_with_the_same_bytes(small, tmp_path, deleted):
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
    ],
)
def test_other_settings_are_refused_in_a_begun_folder(small, capsys, option, value, named):
    before = contents(small)
    assert synthesize(small, SMALL | {option: value}) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {small} was begun with another {named}; choose another --out or delete it."
    )
    assert contents(small) == before


def test_another_body_or_other_backgrounds_are_refused_too(small, tmp_path, capsys):
    shutil.copy(DEFAULT_BODY, tmp_path / "other.npz")
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((99, 99, 3), np.uint8))
    assert synthesize(small, SMALL | {"--body": str(tmp_path / "other.npz")}) == 2
    assert "another body;" in capsys.readouterr().err
    assert synthesize(small, SMALL | {"--backgrounds": str(tmp_path)}) == 2
    assert "another backgrounds;" in capsys.readouterr().err


# Lists ---------------------------------------------------------------------------------------------------------


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


# Truth ---------------------------------------------------------------------------------------------------------


def test_truth_is_complete_and_in_the_units_of_the_body_model(run, truth):
    count = len(truth["paths"])
    assert count == len(set(truth["paths"])) == len(list((run / "images").rglob("*.jpg")))
    assert truth["betas"].shape == (count, 10) and truth["camera"].shape == (count, 3)
    pose = truth["pose"]
    assert pose.shape == (count, 24, 3, 3)
    assert np.allclose(pose @ np.swapaxes(pose, 2, 3), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(pose), 1, atol=1e-5)
    assert np.abs(truth["betas"]).max() < 6 and (truth["camera"][:, 0] > 0.2).all()
    pids = np.array([Path(path).parent.name for path in truth["paths"]])
    for pid in set(pids):
        assert len(np.unique(truth["betas"][pids == pid], axis=0)) == 1
    assert len(np.unique(truth["betas"], axis=0)) == PEOPLE


def test_the_body_model_reprojects_onto_the_written_keypoints(bodies, keypoints):
    _, marks, _ = bodies
    error = np.linalg.norm(marks - keypoints[..., :2], axis=-1)
    assert error.mean() < 0.7 and error.max() < 2, (error.mean(), error.max())


def test_pictures_and_masks_are_crops_of_one_size_with_somebody_in(run, truth, masks):
    for path in truth["paths"]:
        assert cv2.imread(str(run / path)).shape == (*SIZE, 3)
    assert masks.shape == (len(truth["paths"]), *SIZE) and set(np.unique(masks)) == {0, 255}
    share = (masks > 0).mean((1, 2))
    assert share.min() > 0.05 and share.max() < 0.8


def test_confident_keypoints_lie_on_the_person(keypoints, masks):
    confident = keypoints[..., 2] > 0.8
    assert 0.5 < confident.mean() < 0.98
    grown = np.stack([cv2.dilate(mask, np.ones((3, 3), np.uint8)) for mask in masks])
    picture, joint = np.nonzero(confident)
    x, y = keypoints[picture, joint, :2].astype(int).T
    assert (grown[picture, y, x] > 0).all()
    assert (masks[picture, y, x] > 0).mean() > 0.99


def test_keypoints_outside_the_crop_are_not_trusted(keypoints):
    points, confidence = keypoints[..., :2], keypoints[..., 2]
    inside = ((points >= 0) & (points < SIZE[::-1])).all(-1)
    assert (confidence[~inside] < 0.2).all() and (confidence[inside] > 0.25).all()
    assert 0 < (~inside).mean() < 0.2  # some crops cut somebody


def test_hidden_keypoints_are_less_sure_and_some_are_hidden(keypoints):
    hidden = (keypoints[..., 2] > 0.25) & (keypoints[..., 2] < 0.6)
    assert 0.02 < hidden.mean() < 0.5


def test_the_undressed_body_fills_the_mask(bodies, masks):
    """Clothes cover the body, so its outline lies within the mask unless something stands before the person."""
    points, _, faces = bodies
    kernel = np.ones((5, 5), np.uint8)
    within, filled = [], []
    for vertices, mask in zip(points, masks, strict=True):
        outline = np.zeros(SIZE, np.uint8)
        for face in np.round((vertices[faces] - 0.5) * 16).astype(np.int32):
            cv2.fillConvexPoly(outline, face, 255, shift=4)
        body, worn = outline > 0, cv2.dilate(mask, kernel) > 0
        within.append((body & worn).sum() / body.sum())
        filled.append((cv2.dilate(outline, kernel) > 0)[mask > 0].mean())
    assert np.median(within) > 0.99 and np.quantile(within, 0.1) > 0.8
    assert np.median(filled) > 0.8  # hair, skirts and wide trousers go beyond it


# Parts ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def figure():
    return load_figure()


def test_keypoint_projection_is_the_cameras():
    rng = np.random.default_rng(0)
    points, camera = rng.normal(0, 0.5, (20, 3)), np.array([0.8, 0.1, -0.2])
    pixels, depth = project_points(points, camera, SIZE)
    expected, away = project(torch.from_numpy(points)[None], torch.from_numpy(camera)[None], SIZE)
    assert np.allclose(pixels, expected[0], atol=1e-4) and np.allclose(depth, away[0], atol=1e-6)


def test_crops_are_framed_around_the_person():
    rng = np.random.default_rng(1)
    points = rng.uniform([-0.3, -0.9, -0.2], [0.3, 0.9, 0.2], (500, 3))
    spans, middles = [], []
    for _ in range(200):
        pixels, _ = project_points(points, frame_camera(points, SIZE, rng), SIZE)
        spans.append(np.ptp(pixels[:, 1]) / SIZE[0])
        middles.append((pixels.min(0) + pixels.max(0)) / 2 / SIZE[::-1])
    assert 0.85 < np.median(spans) < 0.97 and 0.7 < min(spans) and max(spans) < 1.16
    assert np.allclose(np.mean(middles, 0), 0.5, atol=0.03)
    assert 0.02 < np.mean(np.array(spans) > 0.99) < 0.25


def test_a_sphere_is_seen_where_the_camera_projects_it():
    angle, level = np.meshgrid(np.linspace(0, 2 * np.pi, 60), np.linspace(0, np.pi, 40))
    ball = np.stack(
        [np.sin(level) * np.cos(angle), np.cos(level), np.sin(level) * np.sin(angle)], -1
    ).reshape(-1, 3)
    corner = (np.arange(39)[:, None] * 60 + np.arange(59)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 60], 1), np.stack([corner + 1, corner + 61, corner + 60], 1)]
    )
    centre, camera = np.array([0.1, 0.3, 0.0]), np.array([0.9, 0.05, -0.1])
    vertices = 0.2 * ball + centre

    def half_glass(primitives, shares):
        height = np.einsum("nkc,nk->nc", vertices[triangles[primitives]], shares)[:, 1]
        return np.full((len(primitives), 3), 100.0), height > centre[1]

    def wall_colour(primitives, shares):
        return np.full((len(primitives), 3), 50.0), np.ones(len(primitives), bool)

    light = Light(np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), 0.0, 1.0, np.ones(3), np.ones(3))
    whole = Surface(vertices, triangles, wall_colour)
    rng = np.random.default_rng(0)
    seen = render(build_scene([whole]), [whole], camera, SIZE, light, rng, 2)
    row, column = np.mgrid[0:256, 0:128] + 0.5
    (u, v), depth = (x[0] for x in project_points(centre[None], camera, SIZE))
    radius = 0.2 * 500 / 224 * 256 / depth
    assert np.abs(seen.coverage.sum() - np.pi * radius**2) < 0.03 * np.pi * radius**2
    middle = [(seen.coverage * x).sum() / seen.coverage.sum() for x in (column, row)]
    assert np.allclose(middle, [u, v], atol=0.5)
    assert seen.depth.min() == pytest.approx(depth - 0.2, abs=0.01)
    assert np.isinf(seen.depth[seen.coverage == 0]).all()

    half = Surface(vertices, triangles, half_glass)
    seen = render(build_scene([half]), [half], camera, SIZE, light, rng, 1)
    assert (row[seen.coverage > 0] < v + 1.5).all() and (seen.coverage > 0).sum() > 0.4 * np.pi * radius**2
    assert np.allclose(camera_position(camera), [-0.05, 0.1, 2 * 500 / 224 / 0.9])


def test_normals_point_outwards():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[:3], [0, 0, 1])
    assert np.allclose(vertex_normals(corners, np.array([[0, 1, 2]]))[3], 0)  # used by no triangle


@pytest.mark.parametrize("kind", [walking, standing, sample_pose])
def test_poses_are_rotations_of_people_on_their_feet(kind):
    rng = np.random.default_rng(4)
    poses = np.stack([kind(rng, sample_gait(rng, rng.random())) for _ in range(60)])
    assert np.allclose(poses @ np.swapaxes(poses, 2, 3), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(poses), 1)
    assert (poses[:, 0, 1, 1] > 0.95).all()  # the pelvis stays upright
    knees = poses[:, [4, 5]]
    assert (np.arctan2(knees[..., 2, 1], knees[..., 1, 1]) >= -1e-9).all()  # knees bend one way


def test_the_poses_signs_are_smpls():
    """A turn about x by a positive angle takes y to z: forwards for what points up, backwards for a hanging leg."""
    assert np.allclose(rotation("x", np.pi / 2) @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(rotation("y", np.pi / 2) @ [0, 0, 1], [1, 0, 0])
    assert np.allclose(rotation("z", np.pi / 2) @ [1, 0, 0], [0, 1, 0])


def test_bodies_come_with_their_t_pose_in_smpls_frame(figure):
    body = sample_body(figure, np.random.default_rng(2))
    assert 1.35 < body.height < 2.15
    assert body.joints[16, 0] > 0.1 > -0.1 > body.joints[17, 0]  # the left shoulder at +x
    assert abs(np.ptp(body.tposed[:13380, 1]) - body.height) < 0.06
    assert np.ptp(body.tposed[:13380, 0]) > 0.85 * body.height  # arms outstretched


def test_helper_garments_keep_to_their_cut(figure):
    cut = Cut(low=0.42, high=0.97, high_front=0.97)
    shorts = helper_piece(figure, "tights", "lower", cut, flare=0.02)
    height, arm = shorts.canonical[:, 2], shorts.canonical[:, 3] > 0.5
    assert not arm.any() and height.min() > 0.3 and height.max() < 1.1
    assert shorts.puff[height.argmin()] == pytest.approx(0.02) and shorts.puff[
        height.argmax()
    ] == pytest.approx(0)
    hidden = figure.canonical[shorts.hides]
    assert len(hidden) > 500 and ((hidden[:, 2] > 0.42) & (hidden[:, 2] < 0.97)).all()
    sleeveless = helper_piece(figure, "tights", "upper", Cut(low=0.8, high=1.4))
    long = helper_piece(figure, "tights", "upper", Cut(low=0.8, high=1.4, sleeve=0.7))
    assert len(long.triangles) > len(sleeveless.triangles) and (long.canonical[:, 3] > 0.5).any()


def test_paint_follows_its_pattern_and_the_textures_folds():
    colours = np.array([[200.0, 0, 0], [0, 200.0, 0], [0, 0, 200.0]])
    coords = np.zeros((4, 4))
    coords[:, 2] = [1.001, 1.051, 1.101, 1.151]  # 5 cm stripes
    grey = np.full((4, 3), 100.0)
    stripes = apply_paint(Paint("stripes", colours, scale=0.1), coords, grey, 100.0)
    assert np.allclose(stripes, colours[[0, 1, 0, 1]])
    folds = apply_paint(Paint("plain", colours, contrast=0.5), coords, grey * [[1], [0.8], [1.2], [0]], 100.0)
    assert np.allclose(folds[:, 0], [200, 180, 220, 100]) and (folds[:, 1:] == 0).all()
    texels = np.random.default_rng(0).uniform(0, 255, (4, 3))
    assert np.array_equal(apply_paint(Paint("original", colours), coords, texels, 100.0), texels)


# Backgrounds ---------------------------------------------------------------------------------------------------


def photo(path, size, colour):
    """A plain photo with a little noise."""
    noise = np.random.default_rng(0).normal(0, 4, (*size, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(np.array(colour[::-1]) + noise, 0, 255).astype(np.uint8))


def test_people_stand_before_the_photos_of_a_folder(tmp_path):
    photo(tmp_path / "photos" / "lawn.png", (300, 400), (30, 200, 30))
    photo(tmp_path / "photos" / "deeper" / "sea side.JPG", (200, 120), (30, 30, 200))
    out = tmp_path / "set"
    assert synthesize(out, SMALL | {"--people": "1", "--backgrounds": str(tmp_path / "photos")}) == 0
    assert json.loads((out / "dataset.json").read_text())["backgrounds"] == "photos"
    kinds = set()
    for path in (out / "images").rglob("*.jpg"):
        image = cv2.imread(str(path))[..., ::-1]
        mask = cv2.imread(str(out / "mask" / path.parent.name / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        far = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
        red, green, blue = np.median(image[:60][far[:60]], axis=0)  # above the ground and its shadow
        assert max(green, blue) > red + 30, path.name
        kinds.add("lawn" if green > blue else "sea")
    assert kinds == {"lawn", "sea"}


def test_a_photo_that_cannot_be_read_or_is_tiny_is_named(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "letter.jpg").write_bytes(b"Dear sir")
    with pytest.raises(InputError, match=r"letter\.jpg cannot be read as a picture; take it out"):
        scenes.photo_background([tmp_path / "letter.jpg"], SIZE, rng)
    photo(tmp_path / "stamp.png", (63, 100), (9, 9, 9))
    with pytest.raises(InputError, match=r"stamp\.png is only 100 x 63 pixels"):
        scenes.photo_background([tmp_path / "stamp.png"], SIZE, rng)
    photo(tmp_path / "small.png", (64, 32), (9, 99, 9))
    for _ in range(50):
        assert scenes.photo_background([tmp_path / "small.png"], SIZE, rng).shape == (*SIZE, 3)


def test_a_bad_photo_ends_the_run_with_its_sentence(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "letter.jpg").write_bytes(b"Dear sir")
    assert synthesize(tmp_path / "set", SMALL | {"--backgrounds": str(tmp_path / "photos")}) == 2
    assert "letter.jpg cannot be read as a picture" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "set").rglob("*.jpg")) and not (tmp_path / "set" / "truth.npz").exists()


class Failing(ProcessPoolExecutor):
    """One process, without what takes it seconds to start, that raises an InputError."""

    def __init__(self, workers, context, *arguments):
        super().__init__(1, context)

    def submit(self, function, *arguments):
        return super().submit(read_list, Path("nowhere.txt"))


class Dying(Failing):
    """Its process is ended as if from outside."""

    def submit(self, function, *arguments):
        return super(Failing, self).submit(os._exit, 1)


@pytest.mark.parametrize(
    ("pool", "sentence"), [(Failing, "nowhere.txt cannot be read"), (Dying, "fewer --workers")]
)
def test_a_process_that_fails_or_dies_ends_the_run_with_a_sentence(
    tmp_path, monkeypatch, capsys, pool, sentence
):
    monkeypatch.setattr(command, "ProcessPoolExecutor", pool)
    assert synthesize(tmp_path / "set", SMALL | {"--workers": "2"}) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ") and sentence in told
    assert not (tmp_path / "set" / "truth.npz").exists()


# The sheet -----------------------------------------------------------------------------------------------------


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


def test_uniforms_dress_everybody_alike(tmp_path):
    assert synthesize(tmp_path / "set", SMALL | {"--uniforms": "2", "--people": "3"}) == 0
    with np.load(tmp_path / "set" / "truth.npz") as file:
        people = np.array([Path(path).parts[1] for path in file["paths"]])
        for person in np.unique(people):
            worn = file["shared_outfit"][people == person]
            assert sorted(set((worn // 2).tolist())) == [0, 1] and len(set((worn % 2).tolist())) == 1


# Refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--people", "0", "--people must be at least 1."),
        ("--people", "-3", "--people must be at least 1."),
        ("--seed", "-1", "--seed must be 0 or more."),
        ("--outfits", "1 4", "--outfits needs two numbers"),
        ("--outfits", "5 4", "--outfits needs two numbers"),
        ("--pictures-per-outfit", "2", "--pictures-per-outfit must be at least 3"),
        ("--cameras", "3", "--cameras must be at least 4."),
        ("--test-share", "1", "--test-share must be at least 0 and below 1."),
        ("--test-share", "-0.1", "--test-share must be at least 0 and below 1."),
        ("--test-share", "nan", "--test-share must be at least 0 and below 1."),
        ("--uniforms", "1", "--uniforms must be 0 or at least 2"),
        ("--uniforms", "-2", "--uniforms must be 0 or at least 2"),
        ("--samples", "0", "--samples must be 1 to 4"),
        ("--samples", "5", "--samples must be 1 to 4"),
        ("--workers", "0", "--workers at least 1."),
        ("--body", "nowhere.npz", "--body nowhere.npz does not exist; make it with"),
        ("--backgrounds", "nowhere", "--backgrounds nowhere is no folder"),
        ("--wardrobe", "nowhere", "nowhere holds no wardrobe: fetch one with"),
    ],
)
def test_bad_arguments_are_one_sentence_and_write_nothing(tmp_path, capsys, option, value, sentence):
    assert synthesize(tmp_path / "set", SMALL | {option: value}) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].startswith("error: ") and sentence in told[0]
    assert not (tmp_path / "set").exists()


def test_bad_files_are_one_sentence(tmp_path, capsys):
    (tmp_path / "letter.npz").write_bytes(b"Dear sir")
    np.savez(tmp_path / "smpl.npz", v_template=np.zeros((4, 3)), shapedirs=np.zeros((4, 3, 10)))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "letter.txt").write_text("Dear sir")
    for option, value, sentence in (
        ("--body", "letter.npz", "is no .npz file"),
        ("--body", "smpl.npz", "lacks base_index"),
        ("--backgrounds", "photos", "holds no .jpg or .png picture"),
        ("--backgrounds", "letter.npz", "is no folder"),
        ("--wardrobe", "photos", "holds no wardrobe"),
    ):
        assert synthesize(tmp_path / "set", SMALL | {option: str(tmp_path / value)}) == 2
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 1 and value in told[0] and sentence in told[0]
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("content", ["{", "[]", "", "null"])
def test_a_damaged_description_is_refused(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset\.json is damaged"):
        command.main(_arguments(tmp_path))


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is not empty and is no data set"):
        command.main(_arguments(tmp_path / "full"))
    with pytest.raises(InputError, match="is a file; choose a folder"):
        command.main(_arguments(tmp_path / "file"))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def _arguments(out):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words(out, SMALL)[1:])


def test_without_a_wardrobe_a_run_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "none"))
    assert command._wardrobe(None) is None
    assert "python -m train wardrobe" in capsys.readouterr().err
    for name in ("proxies", "skins"):
        (tmp_path / "w" / name).mkdir(parents=True)
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "w"))
    assert command._wardrobe(None) == str(tmp_path / "w")
    assert command._wardrobe("none") is None


def test_an_outfit_drawn_twice_is_one_outfit():
    clothes, pool = np.array([0, 0, 1, 1, 2, 2, 3]), np.array([-1, -1, 7, 7, 7, 7, 4])
    assert files.same_outfits(clothes, pool).tolist() == [0, 0, 1, 1, 1, 1, 3]
    assert files.same_outfits(clothes, np.full(7, -1)).tolist() == clothes.tolist()
