"""A dataset folder as batches: what is in them, and that neither processes nor history change them."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.train.toy import write_dataset
from threedsl.body.rotation import mirror_pose
from threedsl.data.images import load_image
from threedsl.errors import InputError
from train.data.augment import AugmentConfig, choose
from train.data.dataset import TrainingSet, TrainingSteps
from train.data.listing import Listing, scaled_pose
from train.data.sampler import IdentitySampler
from train.measure.retrieval import RetrievalSet

SIZE = (64, 32)
OFF = AugmentConfig(
    flip=0, scale=0, shift=0, bystander=0, brightness=0, contrast=0, channel_gain=0, grey=0, blur=0, low_resolution=0,
    noise=0, erase=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    write_dataset(root)
    return root


def steps(root, config=AugmentConfig(bystander=0.5), rank=0, processes=1, people=4):  # noqa: B008 - frozen
    data = TrainingSet(Listing.read([root]), SIZE)
    sampler = IdentitySampler(data.labels, data.clothes, people, 4, seed=3)
    return TrainingSteps(data, sampler, config, (32, 16), 3, "cpu", rank, processes)


def test_batches_are_the_listed_pictures(data):
    batches = steps(data, OFF)
    batch, records = batches[2], batches.data.records
    indices = batches.sampler.batch(2)
    for place, index in enumerate(indices):
        picture = cv2.imread(str(records[index].path))[..., ::-1]
        assert np.allclose(batch.images[place].permute(1, 2, 0) * 255, picture, atol=0.02)
        assert batch.labels[place] == int(records[index].pid)
        assert batch.clothes[place] == int(records[index].clothes)
    assert batch.masks.shape == (16, 32, 16) and batch.masks.mean() == pytest.approx(0.75 * 0.5)
    assert set(batch.masks.unique().tolist()) == {0.0, 1.0}
    assert np.allclose(batch.keypoints, batches.data.keypoints[indices], atol=1e-4)


def test_true_bodies_are_those_of_the_pictures_as_they_are_shown(data):
    rng = np.random.default_rng(0)
    flat = TrainingSet(Listing.read([data]), SIZE)
    names = [record.path.relative_to(data).as_posix() for record in flat.records]
    betas, pose = rng.normal(size=(len(names), 10)), rng.normal(size=(len(names), 24, 3, 3))
    backwards = np.arange(len(names))[::-1]
    np.savez(
        data / "truth.npz", paths=np.array(names)[backwards], betas=betas[backwards], pose=pose[backwards]
    )
    known = TrainingSet(Listing.read([data]), SIZE, Listing.read([data]).truth())
    (data / "truth.npz").unlink()
    sampler = IdentitySampler(known.labels, known.clothes, 4, 4, seed=3)
    halves = [
        TrainingSteps(known, sampler, AugmentConfig(), (32, 16), 3, "cpu", rank, 2)[1] for rank in (0, 1)
    ]
    found = torch.cat([half.truth.pose for half in halves])
    flip = choose(16, AugmentConfig(), np.random.default_rng((3, 2, 1))).flip
    assert 0 < flip.sum() < 16 and steps(data)[1].truth is None
    for place, index in enumerate(sampler.batch(1)):
        expected = torch.from_numpy(pose[index]).float()
        expected = mirror_pose(expected) if flip[place] else expected
        assert torch.equal(found[place], expected)
        assert torch.equal(halves[place // 8].truth.betas[place % 8], torch.from_numpy(betas[index]).float())


def test_two_processes_share_the_batch_of_one(data):
    """Put together, their halves are what one process sees: pictures, masks, keypoints, noise and bystanders-by."""
    one = steps(data)
    halves = [steps(data, rank=rank, processes=2) for rank in (0, 1)]
    for step in (0, 1, 5):
        whole, parts = one[step], [half[step] for half in halves]
        for name in ("images", "masks", "keypoints", "labels", "clothes"):
            together = torch.cat([getattr(part, name) for part in parts])
            assert torch.allclose(getattr(whole, name), together, atol=1e-6), name
        assert not set(parts[0].labels.tolist()) & set(parts[1].labels.tolist())
        passing = choose(16, one.config, np.random.default_rng((3, 2, step))).bystander
        assert passing[:8].any() and passing[8:].any()


def test_a_batch_depends_on_its_step_and_nothing_before(data):
    first, second = steps(data), steps(data)
    history = [first[step] for step in range(4)]
    assert torch.equal(history[3].images, second[3].images)
    assert not torch.equal(history[2].images, history[3].images)
    assert torch.equal(first[3].images, history[3].images)


def test_keypoints_and_masks_follow_pictures_of_another_size(tmp_path):
    write_dataset(tmp_path, people=2, outfits=1, pictures=1, size=(128, 64))
    whole, half = (TrainingSet(Listing.read([tmp_path]), size) for size in ((128, 64), SIZE))
    assert np.allclose(half.keypoints[..., :2] * 2, whole.keypoints[..., :2], atol=1e-3)
    assert (half.pictures[:, 3] > 127).float().mean() == pytest.approx(
        (whole.pictures[:, 3] > 127).float().mean()
    )


def test_pictures_may_lie_where_the_data_set_put_them(tmp_path):
    """Real datasets have no folder `images`, and `prepare` leaves pictures where they are, also outside."""
    write_dataset(tmp_path / "inside", people=2, folder="rgb/train")
    assert len(TrainingSet(Listing.read([tmp_path / "inside"]), SIZE).records) == 12
    lines = write_dataset(tmp_path / "set", people=2)
    (tmp_path / "set" / "images").rename(tmp_path / "elsewhere")
    outside = tmp_path / "set" / "mask" / "outside" / (tmp_path / "elsewhere").relative_to("/")
    outside.parent.mkdir(parents=True)
    masks = [path for path in (tmp_path / "set" / "mask").iterdir() if path.name != "outside"]
    outside.mkdir()
    for path in masks:
        path.rename(outside / path.name)
    for name, old, new in (("list/train.txt", "images/", f"{tmp_path}/elsewhere/"),):
        text = (tmp_path / "set" / name).read_text()
        (tmp_path / "set" / name).write_text(text.replace(old, new))
    pose = tmp_path / "set" / "pose" / "alphapose-results.json"
    pose.write_text(pose.read_text().replace("images/", f"{tmp_path}/elsewhere/"))
    assert len(TrainingSet(Listing.read([tmp_path / "set"]), SIZE).records) == len(lines)


def test_pictures_are_read_as_they_are_when_the_network_is_used(tmp_path):
    """Transparent ones over white, not over black."""
    lines = write_dataset(tmp_path, people=2)
    path = tmp_path / lines[0].split()[0]
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    picture[:20] = (0, 0, 0, 0)
    cv2.imwrite(str(path), picture)
    expected = load_image(path)
    assert (expected[:20] == 255).all() and expected[20:].std() > 50
    decoded = TrainingSet(Listing.read([tmp_path]), SIZE).pictures[0, :3].permute(1, 2, 0)
    assert (decoded.numpy() == expected).all()
    data = RetrievalSet.read(tmp_path, SIZE)
    assert (data.gallery[0] == expected).all()


def test_keypoints_fit_pictures_that_were_reduced_as_they_were_read(tmp_path):
    """They are in pixels of the file, turned upright."""
    lines = write_dataset(tmp_path, people=2)
    before = TrainingSet(Listing.read([tmp_path]), SIZE).keypoints
    path, pose = tmp_path / lines[0].split()[0], tmp_path / "pose" / "alphapose-results.json"
    lying = Image.fromarray(np.zeros((SIZE[1] * 40, SIZE[0] * 40, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(path, exif=exif, compress_level=1)
    entries = json.loads(pose.read_text())
    for place in range(51):
        entries[0]["keypoints"][place] *= 1 if place % 3 == 2 else 40
    pose.write_text(json.dumps(entries))
    assert load_image(path).shape == (2000, 1000, 3)
    listing = Listing.read([tmp_path])
    assert np.allclose(TrainingSet(listing, SIZE).keypoints, before, atol=1e-3)
    folder = listing.folders[0]
    assert np.allclose(scaled_pose(listing.records[0], folder.root, folder.poses, SIZE), before[0], atol=1e-3)


def test_a_damaged_picture_is_named(tmp_path):
    lines = write_dataset(tmp_path, people=2)
    (tmp_path / lines[0].split()[0]).write_bytes(b"no picture")
    for read in (
        lambda: TrainingSet(Listing.read([tmp_path]), SIZE),
        lambda: RetrievalSet.read(tmp_path, SIZE),
    ):
        with pytest.raises(
            InputError, match=r"000/c1_o0\.png is not a picture .* Or remove it from the list\."
        ):
            read()


def test_a_damaged_mask_is_named(tmp_path):
    write_dataset(tmp_path, people=2)
    (tmp_path / "mask" / "000" / "c1_o0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"Mask .*000/c1_o0\.png is missing or damaged"):
        TrainingSet(Listing.read([tmp_path]), SIZE)


def test_pictures_without_annotations_stay(tmp_path):
    """They have no keypoints and no mask, and get no bystander, whom nothing would hold back behind the person."""
    write_dataset(tmp_path)
    lost = tmp_path / "images" / "001" / "c2_o0.png"
    (tmp_path / "mask" / "001" / "c2_o0.png").unlink()
    pose = tmp_path / "pose" / "alphapose-results.json"
    entries = json.loads(pose.read_text())
    pose.write_text(json.dumps([one for one in entries if one["image_id"] != "images/001/c2_o0.png"]))
    always = replace(OFF, bystander=1.0)
    batches = steps(tmp_path, always)
    records = batches.data.records
    assert len(records) == 24
    place = next(i for i, record in enumerate(records) if record.path == lost)
    assert not batches.data.keypoints[place].any() and not batches.data.pictures[place, 3].any()
    assert batches.data.masked.sum() == 23 and not batches.data.masked[place]
    step = next(step for step in range(40) if place in batches.sampler.batch(step))
    indices = batches.sampler.batch(step)
    batch, picture = batches[step], cv2.imread(str(lost))[..., ::-1]
    assert batch.masked.tolist() == [index != place for index in indices]
    shown = batch.images * 255 - batches.data.pictures[indices, :3]
    changed = (shown.abs().flatten(1).amax(1) > 0.1).tolist()
    own = list(indices).index(place)
    # Nor can the picture lend its person to another one.
    assert [i for i in range(16) if not changed[i]] == sorted([own, (own + 8) % 16])
    assert np.allclose(batch.images[own].permute(1, 2, 0) * 255, picture, atol=0.02)


def test_without_any_annotation_only_what_needs_none_trains(tmp_path, caplog):
    write_dataset(tmp_path)
    shutil.rmtree(tmp_path / "mask")
    listing = Listing.read([tmp_path])
    with caplog.at_level("INFO", "train"):
        listing.check_annotations(keypoints=True, masks=False)
    assert caplog.messages == ["keypoints: 24 of 24 training pictures (100.0 %)"]
    with pytest.raises(InputError, match=r"has masks: run .*annotate.*--builtin.*losses\.silhouette=0"):
        listing.check_annotations(keypoints=True, masks=True)
    shutil.rmtree(tmp_path / "pose")
    listing = Listing.read([tmp_path])
    assert len(listing.records) == 24 and not listing.keypoints.any()
    listing.check_annotations(keypoints=False, masks=False)
    assert TrainingSet(listing, SIZE).keypoints.shape == (24, 17, 3)


def test_a_folder_without_a_training_list(tmp_path):
    with pytest.raises(InputError, match=r"no list/train\.txt.*prepare.*--set data"):
        Listing.read([tmp_path])


def test_two_pictures_of_one_mask_are_refused(tmp_path):
    lines = write_dataset(tmp_path, people=2)
    path, _, labels = lines[0].partition(" ")
    copy = path.removeprefix("images/")
    (tmp_path / copy).parent.mkdir()
    (tmp_path / copy).write_bytes((tmp_path / path).read_bytes())
    (tmp_path / "list" / "train.txt").write_text("\n".join([*lines, f"{copy} {labels}"]) + "\n")
    pose = tmp_path / "pose" / "alphapose-results.json"
    entries = json.loads(pose.read_text())
    pose.write_text(json.dumps([*entries, entries[0] | {"image_id": copy}]))
    with pytest.raises(InputError, match="would share the mask"):
        TrainingSet(Listing.read([tmp_path]), SIZE)


def test_the_fingerprint_depends_on_the_content_and_not_on_the_folder(tmp_path):
    write_dataset(tmp_path / "a", people=2)
    before = TrainingSet(Listing.read([tmp_path / "a"]), SIZE).fingerprint
    (tmp_path / "a").rename(tmp_path / "b")
    assert TrainingSet(Listing.read([tmp_path / "b"]), SIZE).fingerprint == before
    listed, posed = tmp_path / "b" / "list" / "train.txt", tmp_path / "b" / "pose" / "alphapose-results.json"
    lines, entries = listed.read_text(), json.loads(posed.read_text())
    entries[0]["keypoints"][0] += 1
    found = {before}
    for path, text in (
        (listed, lines.replace("o0.png 0 1 0", "o0.png 0 1 1")),  # clothes
        (listed, lines.replace("o1.png 0 1 1", "o1.png 1 1 1")),  # a person
        (posed, json.dumps(entries)),
    ):
        path.write_text(text)
        found.add(TrainingSet(Listing.read([tmp_path / "b"]), SIZE).fingerprint)
    assert len(found) == 4


def test_a_batch_that_processes_cannot_share_is_refused(data):
    with pytest.raises(InputError, match="multiple of the 2 processes"):
        steps(data, processes=2, people=3)


@pytest.mark.parametrize("outfits", [1, 2])
def test_people_in_uniforms_are_scored_without_a_change_of_clothes(tmp_path, outfits):
    write_dataset(tmp_path, people=2, outfits=outfits)
    protocols = RetrievalSet.read(tmp_path, SIZE).protocols
    assert protocols == (("standard",) if outfits == 1 else ("cloth-changing", "same-clothes", "standard"))


def test_two_folders_are_trained_on_as_other_people_in_other_clothes(tmp_path):
    for name, people in (("a", 3), ("b", 4)):
        write_dataset(tmp_path / name, people=people)
    alone, both = (TrainingSet(Listing.read([tmp_path / n for n in names]), SIZE) for names in ("a", "ab"))
    count = len(alone.records)
    assert (alone.people, both.people) == (3, 7) and len(set(both.clothes)) == 2 * len(set(alone.clothes))
    for field in ("labels", "clothes", "keypoints", "pictures"):
        assert (getattr(both, field)[:count] == getattr(alone, field)).all()
    assert not set(both.labels[:count]) & set(both.labels[count:])
    assert not set(both.clothes[:count]) & set(both.clothes[count:])
    second = TrainingSet(Listing.read([tmp_path / "b"]), SIZE)
    assert (both.pictures[count:] == second.pictures).all() and (
        both.keypoints[count:] == second.keypoints
    ).all()
    assert both.fingerprint not in (alone.fingerprint, second.fingerprint)
