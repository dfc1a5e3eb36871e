"""Descriptors kept by content: what is described again, and what never goes wrong."""

import errno
import os
import time

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.standin import StandIn, vector
from threedsl.errors import InputError
from threedsl.evaluation import descriptor_cache as descriptors
from threedsl.evaluation.descriptor_cache import DescriptorCache, describe

FINGERPRINT = "f" * 64


@pytest.fixture
def pictures(tmp_path):
    """Seven pictures, the last with the content of the first."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (32, 16, 3), dtype=np.uint8)).save(path)
    paths[6].write_bytes(paths[0].read_bytes())
    return paths


@pytest.fixture
def root(tmp_path):
    return tmp_path / "cache" / "descriptors"


def described(root, pictures, fingerprint=FINGERPRINT, mirror=False):
    """(descriptors, how many pictures the model saw)."""
    model = StandIn(fingerprint)
    found = describe(model, pictures, DescriptorCache(root, fingerprint, mirror), mirror)
    for name in ("appearance", "shape", "combined"):
        assert np.allclose(found.stream(name), [vector(path, name, mirror) for path in pictures], atol=1e-6)
        assert found.stream(name).dtype == np.float32
    return found, len(model.described)


def test_pictures_of_one_content_are_described_once_and_then_never(root, pictures):
    assert described(root, pictures)[1] == 6
    assert described(root, pictures)[1] == 0
    assert described(root, pictures[::-1])[1] == 0, "the order does not matter"


def test_names_do_not_count_and_contents_do(root, pictures):
    described(root, pictures)
    moved = pictures[1].with_name("another name.png")
    pictures[1].rename(moved)
    pictures[1] = moved
    assert described(root, pictures)[1] == 0
    Image.new("RGB", (16, 32), "red").save(pictures[2])
    assert described(root, pictures)[1] == 1


def test_models_and_mirror_images_are_kept_apart(root, pictures):
    described(root, pictures)
    assert described(root, pictures, "e" * 64)[1] == 6
    assert described(root, pictures, mirror=True)[1] == 6
    assert described(root, pictures)[1] == 0


def test_without_a_cache_nothing_is_kept(pictures, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    model = StandIn()
    describe(model, pictures)
    assert len(model.described) == 6
    assert sorted(tmp_path.rglob("*")) == before


def break_file(path, how):
    data = path.read_bytes()
    if how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no descriptors at all\n")
    elif how == "flipped bits":
        middle = len(data) // 2
        path.write_bytes(
            data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 40]) + data[middle + 40 :]
        )
    elif how == "other arrays":
        np.savez(path.open("wb"), something=np.zeros(3))
    elif how == "a pickle":
        np.savez(path.open("wb"), digests=np.array([{"a": 1}], dtype=object), appearance=[], shape=[])
    else:
        with np.load(path) as file:
            arrays = dict(file)
        if how == "fewer rows":
            arrays["shape"] = arrays["shape"][:-1]
        else:
            arrays["appearance"][0, 0] = np.nan
        np.savez(path.open("wb"), **arrays)


@pytest.mark.parametrize(
    "how",
    ["cut off", "empty", "text", "flipped bits", "other arrays", "a pickle", "fewer rows", "not finite"],
)
def test_a_damaged_file_is_recreated(root, pictures, how):
    described(root, pictures)
    (path,) = root.glob("*/*.npz")
    break_file(path, how)
    assert described(root, pictures)[1] == 6
    assert not path.exists()
    assert described(root, pictures)[1] == 0


def test_only_the_damaged_file_is_lost(root, pictures, monkeypatch):
    monkeypatch.setattr(descriptors, "SHARD", 2)
    described(root, pictures)
    files = sorted(root.glob("*/*.npz"))
    assert len(files) == 3
    break_file(files[1], "cut off")
    assert described(root, pictures)[1] == 2


def test_a_run_that_was_stopped_goes_on(root, pictures, monkeypatch):
    monkeypatch.setattr(descriptors, "SHARD", 2)

    class Stopped(StandIn):
        def __call__(self, images, **options):
            if len(self.described) >= 4:
                raise KeyboardInterrupt
            return super().__call__(images, **options)

    with pytest.raises(KeyboardInterrupt):
        describe(Stopped(), pictures, DescriptorCache(root, FINGERPRINT, False))
    assert described(root, pictures)[1] == 2


def test_the_cache_stays_below_its_limit(root, pictures, monkeypatch):
    """The files not used for longest go; those just written stay."""
    monkeypatch.setattr(descriptors, "SHARD", 1)
    described(root, pictures[:4])
    size = next(root.glob("*/*.npz")).stat().st_size
    for age, path in enumerate(sorted(root.glob("*/*.npz"))):
        os.utime(path, (time.time() - 1000 - age,) * 2)
    assert described(root, pictures[:1])[1] == 0  # used just now
    monkeypatch.setattr(descriptors, "LIMIT", 3 * size)
    described(root, pictures[4:6])
    assert sum(path.stat().st_size for path in root.glob("*/*.npz")) <= 3 * size
    assert described(root, [pictures[0], pictures[5]])[1] == 0
    monkeypatch.setattr(descriptors, "LIMIT", 1)
    assert described(root, pictures)[1] == 3, "a limit too small for a run does not spoil it"


def test_what_a_killed_run_left_is_cleared_away(root, pictures):
    described(root, pictures[:1])
    folder = next(root.iterdir())
    old, new = folder / "tmp1.part", folder / "tmp2.part"
    for path in (old, new):
        path.write_bytes(b"half a file")
    os.utime(old, (time.time() - 200_000,) * 2)
    described(root, pictures)
    assert not old.exists() and new.exists()


def test_a_cache_that_cannot_be_written_is_only_reported(pictures, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = DescriptorCache(tmp_path / "file", FINGERPRINT, False)
    model = StandIn()
    found = describe(model, pictures, cache)
    assert len(found.appearance) == 7 and "descriptors are not kept:" in cache.trouble


def test_a_missing_picture_is_named(root, pictures):
    pictures[3].unlink()
    with pytest.raises(InputError, match=r"3\.png cannot be read"):
        describe(StandIn(), pictures, DescriptorCache(root, FINGERPRINT, False))


def test_a_model_without_a_shape_stream(root, pictures):
    cache = DescriptorCache(root, FINGERPRINT, False)
    for _ in range(2):
        model = StandIn(shape_stream=False)
        found = describe(model, pictures, cache)
        assert found.shape.shape == (7, 0)
        assert np.array_equal(found.stream("combined"), found.stream("appearance"))
        with pytest.raises(InputError, match="no shape stream"):
            found.stream("shape")
    assert model.described == []


@pytest.mark.parametrize(
    ("number", "stays"), [(errno.EMFILE, True), (errno.EIO, True), (errno.EINVAL, False)]
)
def test_trouble_that_is_not_the_files_leaves_it(root, pictures, monkeypatch, number, stays):
    described(root, pictures)
    (path,) = root.glob("*/*.npz")

    def refused(*given, **options):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(descriptors.np, "load", refused)
        assert DescriptorCache(root, FINGERPRINT, False).find({b"x"}) == {}
    assert path.exists() == stays


def test_the_folder_is_named_as_documented(root, pictures):
    described(root, pictures)
    (path,) = root.glob("*/*.npz")
    assert path.parent.name == f"{FINGERPRINT[:32]}-{descriptors.VERSION}"


def test_a_picture_that_changes_meanwhile_does_not_get_into_the_cache(root, pictures):
    """Under the digest of what it was, the descriptors of what it became would be believed for ever."""
    before = pictures[1].read_bytes()

    class Slow(StandIn):
        def __call__(self, images, **options):
            Image.new("RGB", (16, 32), "red").save(pictures[1])
            return super().__call__(images, **options)

    with pytest.raises(InputError, match=r"1\.png was changed or deleted while it was described; start"):
        describe(Slow(FINGERPRINT), pictures, DescriptorCache(root, FINGERPRINT, False))
    assert described(root, pictures)[1] == 1, "the others are kept"
    pictures[1].write_bytes(before)
    assert described(root, pictures)[1] == 1
