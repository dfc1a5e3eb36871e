"""ThreeDSL against its parts called by hand."""

import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.models import random_model
from tests.pictures import person_like
from threedsl.body.camera import FOCAL
from threedsl.data.images import load_image
from threedsl.data.listfile import Record
from threedsl.descriptors import combine
from threedsl.errors import InputError
from threedsl.gallery import Gallery
from threedsl.gallery.demo import openpeople_folder
from threedsl.pipeline import ThreeDSL, pick_device


@pytest.fixture(scope="module")
def model():
    return random_model()


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    sizes = [(128, 64), (256, 128), (300, 90), (100, 50), (400, 400), (130, 60), (128, 64)]
    return [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def output(model, pictures):
    return model(pictures)


@pytest.mark.slow
def test_shapes_types_and_norms(model, output):
    assert model.input_size == (128, 64)
    assert output.appearance.shape == (7, 64) and output.shape.shape == (7, 64)
    assert output.combined.shape == (7, 128)
    for stream in (output.appearance, output.shape, output.combined):
        assert stream.dtype == np.float32
        assert np.allclose(np.linalg.norm(stream, axis=1), 1, atol=1e-5)
    bodies = output.bodies
    coarse, display = model.body.num_coarse, model.body.smpl.get_num_verts()
    shapes = {
        "betas": (7, 10),
        "pose": (7, 24, 3, 3),
        "camera": (7, 3),
        "displacement": (7, coarse, 3),
        "vertices": (7, display, 3),
        "joints": (7, 24, 3),
        "keypoints": (7, 17, 2),
    }
    for name, shape in shapes.items():
        assert getattr(bodies, name).shape == shape and getattr(bodies, name).dtype == np.float32
    assert bodies.faces.max() == display - 1 and len(bodies) == 7


@pytest.mark.slow
def test_descriptors_are_the_networks(model, pictures, output):
    resized = [
        cv2.resize(picture, (64, 128), interpolation=cv2.INTER_AREA)
        if picture.shape[0] > 128 or picture.shape[1] > 64
        else cv2.resize(picture, (64, 128), interpolation=cv2.INTER_CUBIC)
        for picture in pictures
    ]
    batch = torch.tensor(np.stack(resized) / 255.0, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = model.network(batch)
    assert np.allclose(output.appearance, expected.appearance, atol=1e-4)
    assert np.allclose(output.shape, expected.shape, atol=1e-4)
    assert np.allclose(output.bodies.betas, expected.betas, atol=1e-3)
    assert np.allclose(
        output.appearance @ output.appearance.T, expected.appearance @ expected.appearance.T, atol=1e-4
    )
    assert np.abs(output.appearance[0] - output.appearance[1]).max() > 1e-3, "different pictures must differ"


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_batches_do_not_matter(model, pictures, output, batch_size):
    again = model(pictures, batch_size=batch_size)
    assert np.allclose(again.combined, output.combined, atol=1e-4)
    assert np.allclose(again.bodies.keypoints, output.bodies.keypoints, atol=1e-2)


def test_every_kind_of_source_gives_the_same(model, tmp_path):
    picture = person_like()
    picture.save(tmp_path / "a.png")
    sources = [
        np.asarray(picture),
        picture,
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        (tmp_path / "a.png").read_bytes(),
    ]
    first = model(sources[:1], bodies=False).combined
    assert np.allclose(model(sources, bodies=False).combined, first, atol=1e-5)
    for source in sources:
        assert np.allclose(model(source, bodies=False).combined, first, atol=1e-5)


def test_bodies_are_the_body_models(model, output):
    values = [
        torch.from_numpy(value)
        for value in (output.bodies.betas, output.bodies.pose, output.bodies.displacement)
    ]
    with torch.no_grad():
        expected = model.body(*values[:-1], model.body.smooth(values[-1]), "display")
    assert np.allclose(output.bodies.vertices, expected.vertices, atol=1e-5)
    assert np.allclose(output.bodies.joints, expected.joints, atol=1e-5)
    s, tx, ty = output.bodies.camera[3]
    x, y, z = expected.keypoints[3].numpy().T
    depth = 2 * FOCAL / s - z
    by_hand = np.stack([32 + FOCAL * 128 * (x + tx) / depth, 64 - FOCAL * 128 * (y + ty) / depth], 1)
    assert np.allclose(output.bodies.keypoints[3], by_hand, atol=1e-2)


@pytest.mark.slow
def test_more_bodies_than_posed_at_once(model, pictures):
    bodies = model(pictures[:1] * 40).bodies
    assert bodies.vertices.shape[0] == bodies.joints.shape[0] == 40
    assert np.allclose(bodies.vertices[0], bodies.vertices[39], atol=1e-5)


def test_mirrored_averages_do_not_see_left_from_right(model, pictures):
    plain, turned = (
        model([image], bodies=False, mirror=True) for image in (pictures[1], pictures[1][:, ::-1])
    )
    assert np.allclose(plain.combined, turned.combined, atol=1e-4)
    assert np.allclose(np.linalg.norm(plain.shape), 1, atol=1e-5)


def test_progress_counts_pictures(model, pictures):
    seen = []
    model(pictures, batch_size=3, bodies=False, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 7), (6, 7), (7, 7)]


@pytest.mark.slow
def test_no_pictures_at_all(model):
    output = model([])
    assert output.appearance.shape == (0, 64) and output.combined.shape == (0, 128) and output.bodies is None
    in_parts = random_model(parts=3, height=64, width=32)
    for count in (0, 1):
        output = in_parts([person_like()] * count, bodies=False)
        assert output.shape.shape == (count, 64 + 3 * 16) and output.combined.shape == (count, 128 + 3 * 16)


def test_unreadable_pictures_name_themselves(model, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no")
    with pytest.raises(InputError, match=r"bad\.jpg"):
        model([person_like(), tmp_path / "bad.jpg"])
    with pytest.raises(InputError, match="batch_size"):
        model([person_like()], batch_size=0)


@pytest.mark.slow
def test_appearance_only_models():
    model = random_model(shape_stream=False)
    output = model([person_like()])
    assert output.bodies is None and output.shape.shape == (1, 0)
    assert np.array_equal(output.combined, output.appearance)
    with pytest.raises(InputError, match="no shape stream"):
        output.stream("shape")


@pytest.mark.slow
def test_a_body_of_another_size_is_refused():
    with pytest.raises(InputError, match="coarse vertices"):
        random_model(coarse_vertices=17)


def test_combine_weighs_both_streams_alike():
    a, s = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[1, 2, 0]]
    assert np.allclose(combine(a, s) @ combine(a, s)[0], [1, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_combined_similarity_is_the_weighted_mean(share, tmp_path):
    model = random_model(shape_share=share)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (128, 64, 3), dtype=np.uint8) for _ in range(4)]
    out = model(pictures, bodies=False)
    expected = (1 - share) * out.appearance @ out.appearance.T + share * out.shape @ out.shape.T
    assert np.allclose(out.combined @ out.combined.T, expected, atol=1e-6)
    assert np.allclose(np.linalg.norm(out.combined, axis=1), 1, atol=1e-6)
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, picture in zip(paths, pictures, strict=True):
        cv2.imwrite(str(path), picture[..., ::-1])
    Gallery.build(model, [Record(path) for path in paths]).save(tmp_path / "index")
    for match in Gallery.load(tmp_path / "index").search(out, stream="combined", k=4)[1]:
        assert match.score == pytest.approx(expected[1, match.index], abs=1e-5)
    model.save_pretrained(tmp_path / "saved")
    assert ThreeDSL.from_pretrained(tmp_path / "saved", device="cpu").config.shape_share == share


def test_devices():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="'abacus' cannot be used"):
        pick_device("abacus")


@pytest.mark.slow
def test_the_random_model_of_the_tests_tells_pictures_apart():
    """Other tests rank by it: were its descriptors all alike, they would prove nothing."""
    rng = np.random.default_rng(3)
    pictures = [cv2.resize(rng.integers(0, 255, (8, 4, 3), dtype=np.uint8), (64, 128)) for _ in range(8)]
    output = random_model()(pictures, bodies=False)
    for descriptors in (output.appearance, output.shape):
        cosines = (descriptors @ descriptors.T)[~np.eye(8, dtype=bool)]
        assert cosines.max() < 0.95 and cosines.std() > 0.05


@pytest.mark.slow
def test_same_seed_same_fingerprint(model):
    assert random_model().fingerprint == model.fingerprint != random_model(1).fingerprint


@pytest.mark.slow
def test_importing_the_package_is_light():
    """Neither PyTorch nor anything else heavy comes with `import threedsl`; the names are there all the same."""
    code = (
        "import sys, threedsl; heavy = {'torch', 'numpy', 'cv2', 'faiss', 'PIL'} & set(sys.modules); "
        "assert not heavy, heavy; from threedsl import ThreeDSL, Gallery; "
        "assert {'ThreeDSL', 'Gallery'} <= set(dir(threedsl)); print(ThreeDSL.__name__, Gallery.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("ThreeDSL Gallery\n", 0), done.stderr


def test_unknown_names_of_the_package():
    import threedsl

    assert threedsl.ThreeDSL is ThreeDSL
    with pytest.raises(AttributeError, match="Nothing"):
        _ = threedsl.Nothing


def test_a_caller_keeps_his_picture(model):
    picture = Image.new("RGBA", (64, 128), (9, 9, 9, 0))
    array = np.zeros((128, 64, 3), np.uint8)
    model([picture, array])
    assert picture.mode == "RGBA" and picture.getpixel((0, 0)) == (9, 9, 9, 0) and not array.any()


@pytest.mark.slow
def test_keypoints_move_bodies_and_leave_descriptors_alone(model, pictures, output):
    rng = np.random.default_rng(3)
    points = [np.c_[rng.uniform(0, [64, 128], (17, 2)), np.full(17, 0.9)], *[None] * 6]
    fitted = model(pictures, keypoints=points)
    for name in ("appearance", "shape", "combined"):
        assert np.array_equal(getattr(fitted, name), getattr(output, name))
    assert np.array_equal(fitted.bodies.betas, output.bodies.betas)
    moved = np.abs(fitted.bodies.pose - output.bodies.pose).max((1, 2, 3))
    assert moved[0] > 1e-3 and not moved[1:].any()
    assert np.isfinite(fitted.bodies.confidence[0]) and np.isnan(fitted.bodies.confidence[1:]).all()
    for wrong in (points[:3], [np.zeros((16, 3)), *[None] * 6], 7, ["a"] * 7, [object()] * 7):
        with pytest.raises(InputError, match=r"7 arrays of shape \(17, 3\)"):
            model(pictures, keypoints=wrong)


@pytest.fixture(scope="module")
def shipped_model():
    return ThreeDSL.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def outdoor_group():
    """Two outdoor photos next to each other, and the boxes of their people by eye, from left to right."""
    shares = {"P002": (0.32, 0.095, 0.70, 0.96), "P007": (0.32, 0.13, 0.685, 0.97)}
    parts, boxes = [], []
    for number, (name, share) in enumerate(shares.items()):
        photo = load_image(openpeople_folder() / name / "assets" / "amateur_posture.jpg")
        parts.append(cv2.resize(photo, (400, 600), interpolation=cv2.INTER_AREA))
        boxes.append(np.array(share) * [400, 600, 400, 600] + [400 * number, 0, 400 * number, 0])
    return np.hstack(parts), np.array(boxes)


@pytest.mark.slow
def test_everybody_in_a_photo(shipped_model, outdoor_group):
    image, boxes = outdoor_group
    people = shipped_model.people(image)
    assert len(people) == len(boxes) == 2 and people.boxes.shape == (2, 4)
    order = np.argsort(people.boxes[:, 0])
    middle = people.boxes[order, ::2].mean(1)
    assert (np.abs(middle - boxes[:, ::2].mean(1)) < 0.1 * image.shape[0]).all()
    torso = np.linalg.norm(
        people.keypoints[:, 5:7, :2].mean(1) - people.keypoints[:, 11:13, :2].mean(1), axis=1
    )
    apart = np.linalg.norm(people.body_keypoints() - people.keypoints[..., :2], axis=2)
    assert (np.median(apart, 1) < 0.2 * torso).all() and (people.confidence > 0.8).all()
    assert [people.warning(row) for row in range(2)] == ["", ""]
    feet = people.vertex_pixels()[..., 1].max(1)
    assert (np.abs(feet - people.boxes[:, 3]) < 0.06 * image.shape[0]).all()

    given = shipped_model.people(image, boxes=SimpleNamespace(xyxy=boxes[::-1]))
    assert np.array_equal(given.boxes, boxes[::-1].astype(np.float32))
    np.testing.assert_allclose(given.keypoints, people.keypoints[order[::-1]], atol=3)
    assert shipped_model.people(image, boxes=boxes[:1], bodies=False).bodies is None

    crops = [crop.crop(image) for crop in people.crops]
    assert np.array_equal(shipped_model(crops).combined, people.combined), (
        "descriptors are those of the crops"
    )
    assert len(shipped_model.people(image[:, :60])) <= 1
