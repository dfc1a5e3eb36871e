"""The command line, in this process through main(): what each command does."""

import json
import shutil

import cv2
import numpy as np
import pytest
import trimesh

from threedsl.cli import main
from threedsl.data.images import load_image
from threedsl.gallery import Gallery
from threedsl.gallery.demo import openpeople_folder
from threedsl.pipeline import ThreeDSL

FIRM = [5, 6, *range(11, 17)]  # shoulders, hips and legs


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["appearance", "shape", "combined"])
def test_search_finds_a_picture_of_the_gallery_itself(run, world, stream):
    query = world / "people" / "bea" / "1.png"
    code, out, err = run(
        "search", query, "--gallery", world / "people", "--stream", stream, "--top", 4, "--json"
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["query"] == str(query) and answer["stream"] == stream
    assert [match["rank"] for match in answer["matches"]] == [1, 2, 3, 4]
    first = answer["matches"][0]
    assert [match.get("same_picture", False) for match in answer["matches"]] == [True, False, False, False]
    assert (
        first["path"] == str(query)
        and first["person"] == "bea"
        and first["score"] == pytest.approx(1, abs=1e-4)
    )
    scores = [match["score"] for match in answer["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["box"] == [0, 0, 64, 128]


@pytest.mark.slow
def test_search_in_words_and_several_queries(run, world):
    queries = [world / "people" / "anna" / f"{number}.png" for number in (0, 2)]
    code, out, _ = run("search", *queries, "--gallery", world / "list.txt")
    assert code == 0
    assert out.count("(the query picture itself)") == 2
    assert out.count("by combined") == 2 and out.count("+1.000  anna") == 2 and out.count("\n") == 2 * (1 + 6)
    code, out, _ = run("search", *queries, "--gallery", world / "list.txt", "--json")
    assert [json.loads(line)["query"] for line in out.splitlines()] == [str(query) for query in queries]


@pytest.mark.slow
def test_copies_in_a_gallery_are_reported(run, world, tmp_path):
    shutil.copytree(world / "people", tmp_path / "people")
    query = tmp_path / "people" / "bea" / "1.png"
    shutil.copy(query, query.with_name("again.png"))
    shutil.copy(query, tmp_path / "people" / "anna" / "9.png")
    code, out, err = run("search", query, "--gallery", tmp_path / "people")
    assert code == 0 and out.count("(the query picture itself)") == 3
    assert "in the gallery more than once" in err and "in the gallery under two identities" in err


@pytest.mark.slow
def test_search_cuts_the_person_out_of_a_photo(run, world, outdoor):
    code, out, _ = run("search", outdoor, "--gallery", world / "people", "--json")
    answer = json.loads(out)
    x0, y0, x1, y1 = answer["box"]
    assert code == 0 and answer["people"] == 1
    assert 0 < x0 < 450 and 0 < y0 < 420 and x1 > 1000 and y1 > 1900  # P004 stands right of the middle
    code, out, _ = run("search", outdoor, "--gallery", world / "people", "--json", "--whole")
    assert json.loads(out)["box"] == [0, 0, 1342, 2000]


@pytest.mark.slow
def test_search_in_the_demo_people(run, outdoor, monkeypatch, tmp_path):
    monkeypatch.setenv("THREEDSL_CACHE", str(tmp_path / "cache"))
    code, out, _ = run("search", outdoor, "--gallery", "openpeople", "--top", 50, "--json")
    matches = json.loads(out)["matches"]
    assert code == 0 and len(matches) == 50
    assert sum(match["person"] == "P004" for match in matches) == 5


@pytest.mark.slow
@pytest.mark.parametrize("source", ["people", "list.txt"])
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_an_index_answers_like_its_pictures(run, world, tmp_path, source, kind):
    code, out, _ = run("index", world / source, "--out", tmp_path / "index", "--kind", kind)
    assert (code, out) == (0, f"6 pictures indexed in {tmp_path / 'index'}\n")
    query = world / "people" / "anna" / "1.png"
    answers = [
        json.loads(run("search", query, "--gallery", gallery, "--json", "--top", 6)[1])["matches"]
        for gallery in (world / source, tmp_path / "index")
    ]
    assert answers[0] == answers[1]


@pytest.mark.slow
def test_a_saved_index_keeps_its_kind_unless_another_is_asked_for(run, world, tmp_path):
    run("index", world / "people", "--out", tmp_path / "first", "--kind", "hnsw")
    kinds = {}
    for words in ([], ["--kind", "flat"], ["--kind", "hnsw"]):
        code, _, _ = run("index", tmp_path / "first", "--out", tmp_path / "second", *words)
        assert code == 0
        kinds[" ".join(words)] = Gallery.load(tmp_path / "second").kind
    assert kinds == {"": "hnsw", "--kind flat": "flat", "--kind hnsw": "hnsw"}
    first, second = Gallery.load(tmp_path / "first"), Gallery.load(tmp_path / "second")
    assert np.array_equal(first.shape, second.shape) and first.records == second.records


@pytest.mark.slow
def test_embed_writes_the_models_output(run, world, tmp_path):
    code, out, _ = run("embed", world / "list.txt", "--out", tmp_path / "deep" / "d.npz", "--json")
    assert code == 0 and json.loads(out) == {
        "out": str(tmp_path / "deep" / "d.npz"),
        "pictures": 6,
        "skipped": [],
    }
    model = ThreeDSL.from_pretrained(world / "checkpoint", device="cpu")
    with np.load(tmp_path / "deep" / "d.npz", allow_pickle=False) as file:
        expected = model([str(path) for path in file["path"]], bodies=False)
        for name in ("appearance", "shape", "combined"):
            assert np.allclose(file[name], getattr(expected, name), atol=1e-4)
        assert file["pid"].tolist() == ["anna"] * 3 + ["bea"] * 3
        assert file["camid"].tolist() == ["0", "1", "2"] * 2 and set(file["clothes"]) == {"coat"}
        assert str(file["fingerprint"]) == model.fingerprint
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["d.npz"]


@pytest.mark.slow
def test_reconstruct_writes_a_body_and_its_overlay(run, outdoor, tmp_path):
    out, overlay = tmp_path / "deep" / "body.glb", tmp_path / "overlay.png"
    code, printed, err = run("reconstruct", outdoor, "--out", out, "--overlay", overlay, "--json")
    assert (code, err) == (0, "")
    answer = json.loads(printed)
    assert answer["glb"] == str(out) and len(answer["betas"]) == 10
    assert set(answer["camera"]) == {"s", "tx", "ty"} and 0.3 <= answer["camera"]["s"] <= 3
    assert all(0 < value < 3 for value in answer["measures"].values()) and answer["measures"]
    body = trimesh.load(out, force="mesh")
    assert body.bounds[0][1] == pytest.approx(0, abs=1e-4) and 1.3 < body.extents[1] < 2.2
    x0, y0, x1, y1 = answer["box"]
    drawn, photo = load_image(overlay), load_image(outdoor)[y0:y1, x0:x1]
    changed = np.abs(drawn.astype(int) - cv2.resize(photo, drawn.shape[1::-1])).max(2) > 40
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx((y1 - y0) / (x1 - x0), rel=0.01)
    assert 0.01 < changed.mean() < 0.9


@pytest.mark.slow
def test_reconstruct_says_where_the_keypoints_are(run, outdoor, tmp_path):
    """The finder's keypoints and the body's, both in pixels of the photo of 1342 x 2000."""
    code, printed, _ = run("reconstruct", outdoor, "--out", tmp_path / "body.glb", "--json")
    answer = json.loads(printed)
    found, body = np.array(answer["found"]), np.array(answer["keypoints"])
    assert code == 0 and answer["people"] == 1 and answer["facing"] == "front" and answer["warning"] == ""
    assert found.shape == body.shape == (17, 3)
    x0, y0, x1, y1 = answer["box"]
    for points in (found, body):
        assert (points[:, 0] > x0).all() and (points[:, 0] < x1).all()
        assert (points[:, 1] > y0).all() and (points[:, 1] < y1).all()
    # Nose and ankles where an eye sees them; the fitted body's trunk and legs within a twenty-fifth of the height.
    np.testing.assert_allclose(found[[0, 15, 16], :2], [[675, 550], [885, 1770], [620, 1800]], atol=25)
    assert np.linalg.norm(found[FIRM, :2] - body[FIRM, :2], axis=1).max() < 0.04 * (y1 - y0)
    assert answer["confidence"] > 0.8


@pytest.mark.slow
def test_everybody_is_reconstructed(run, outdoor, tmp_path):
    """Two copies of the outdoor photo side by side: two bodies in one file, drawn over both people."""
    photo = cv2.resize(load_image(outdoor), (400, 596), interpolation=cv2.INTER_AREA)
    group = tmp_path / "group.png"
    cv2.imwrite(str(group), np.hstack([photo, photo])[..., ::-1])
    out, overlay = tmp_path / "all.glb", tmp_path / "all.png"
    code, printed, err = run("reconstruct", group, "--all", "--out", out, "--overlay", overlay, "--json")
    answer = json.loads(printed)
    assert (code, err) == (0, "") and answer["people"] == 2 == len(answer["bodies"])
    first, second = answer["bodies"]
    assert second["box"][0] - first["box"][0] == pytest.approx(400, abs=15), "from left to right"
    for body in (first, second):
        assert body["facing"] == "front" and body["confidence"] > 0.8 and body["warning"] == ""
        found, own = np.array(body["found"]), np.array(body["keypoints"])
        assert np.linalg.norm(found[FIRM, :2] - own[FIRM, :2], axis=1).max() < 0.04 * 596
    scene = trimesh.load(out)
    assert sorted(scene.geometry) == ["body", "body-2"]
    changed = np.abs(load_image(overlay).astype(int) - load_image(group)).max(2) > 40
    assert changed.shape == (596, 800) and 0.02 < changed[:, :400].mean() < 0.5
    assert changed[:, :400].mean() == pytest.approx(changed[:, 400:].mean(), rel=0.2)

    code, _, err = run("reconstruct", group, "--all", "--whole", "--out", out)
    assert code == 2 and "--whole" in err
    cv2.imwrite(str(group), np.full((300, 400, 3), 90, np.uint8))
    code, _, err = run("reconstruct", group, "--all", "--out", out)
    assert code == 2 and "No person was found" in err


@pytest.mark.slow
def test_without_a_look_there_is_nobody_to_speak_of(run, outdoor, tmp_path):
    _, printed, _ = run("reconstruct", outdoor, "--out", tmp_path / "body.glb", "--json", "--whole")
    answer = json.loads(printed)
    assert answer["found"] is None and answer["facing"] is None and answer["people"] == 0
    assert answer["confidence"] is None
    assert answer["box"] == [0, 0, 1342, 2000] and len(answer["keypoints"]) == 17


@pytest.mark.slow
def test_reconstruct_in_words(run, world, tmp_path):
    code, out, _ = run("reconstruct", world / "people" / "anna" / "0.png", "--out", tmp_path / "body.glb")
    assert code == 0 and "body in" in out and "shoulder width" in out


@pytest.mark.slow
def test_damaged_gallery_pictures_are_left_out_and_reported(run, world, tmp_path):
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "good.png").write_bytes((world / "people" / "anna" / "0.png").read_bytes())
    (tmp_path / "gallery" / "bad.png").write_bytes(b"no picture")
    code, out, err = run("index", tmp_path / "gallery", "--out", tmp_path / "index", "--json")
    assert code == 0 and "bad.png" in err and err.count("\n") == 1
    answer = json.loads(out)
    assert answer["pictures"] == 1 and len(answer["skipped"]) == 1


@pytest.mark.slow
def test_every_command_on_photos_of_the_demo_people(run, tmp_path):
    """Three outdoor photos as they come: described, found again, written out, and one of them as a body."""
    for pid in ("P001", "P004", "P007"):
        photo = openpeople_folder() / pid / "assets" / "amateur_posture.jpg"
        (tmp_path / "people" / pid).mkdir(parents=True)
        (tmp_path / "people" / pid / "outdoor.jpg").write_bytes(photo.read_bytes())
    query = tmp_path / "people" / "P004" / "outdoor.jpg"
    assert run("index", tmp_path / "people", "--out", tmp_path / "people.index")[0] == 0
    assert all(box is not None for box in Gallery.load(tmp_path / "people.index").boxes), "people are cut out"
    code, out, _ = run("search", query, "--gallery", tmp_path / "people.index", "--json")
    matches = json.loads(out)["matches"]
    assert code == 0 and [match["rank"] for match in matches] == [1, 2, 3]
    assert matches[0]["person"] == "P004" and matches[0]["score"] == pytest.approx(1, abs=1e-4)
    assert matches[1]["score"] < 0.99, "two people do not look the same"

    assert run("embed", tmp_path / "people", "--out", tmp_path / "people.npz")[0] == 0
    with np.load(tmp_path / "people.npz", allow_pickle=False) as file:
        assert file["pid"].tolist() == ["P001", "P004", "P007"]
        scores = file["combined"] @ file["combined"][1]
    assert sorted(scores.tolist(), reverse=True) == pytest.approx([m["score"] for m in matches], abs=1e-4)

    assert run("reconstruct", query, "--out", tmp_path / "body.glb")[0] == 0
    check_body(tmp_path / "body.glb")


def check_body(path):
    """One watertight upright person of believable size, as trimesh reads it."""
    body = trimesh.load(path, force="mesh")
    assert body.is_watertight and body.body_count == 1
    assert 0.03 < body.volume < 0.2, "cubic metres, faces outwards"
    assert 1.3 < body.extents[1] < 2.2 and body.extents.argmax() == 1, "Y up"
    assert body.bounds[0][1] == pytest.approx(0, abs=1e-4), "feet on the ground"
    head = body.vertices[body.vertices[:, 1] > 0.95 * body.extents[1]]
    assert np.ptp(head[:, 0]) < 0.4, "the head is up"


@pytest.mark.slow
@pytest.mark.parametrize("pid", ["P001", "P004", "P008"])
def test_the_shipped_model_makes_a_person_of_a_photo(shipped_checkpoint, pid, tmp_path):
    photo = openpeople_folder() / pid / "assets" / "amateur_posture.jpg"
    words = ["reconstruct", photo, "--out", tmp_path / "body.glb", "--checkpoint", shipped_checkpoint]
    assert main([str(word) for word in words]) == 0
    check_body(tmp_path / "body.glb")
