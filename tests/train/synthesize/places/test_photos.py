"""Photos from Debian packages: checked, unpacked, and kept only where nobody is in them."""

import hashlib
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from threedsl.errors import InputError
from threedsl.gallery.demo import SYNTHETIC
from train.__main__ import main
from train.synthesize.places import photos

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
OUTDOORS = np.random.default_rng(0).uniform(0, 255, (30, 40, 3)).repeat(12, 0).repeat(12, 1).astype(np.uint8)


def webp(image):
    return cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 95])[1].tobytes()


@pytest.fixture
def deb(tmp_path, monkeypatch):
    """A package with one photo, one resource file with a thumbnail and two photos, and one photo of a person."""
    tree = tmp_path / "tree"
    share = tree / "usr" / "share"
    for folder in (tree / "DEBIAN", share / "doc" / "some-photos", share / "backgrounds"):
        folder.mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: some-photos\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.org>\nDescription: photos\n"
    )
    (share / "doc" / "some-photos" / "copyright").write_text("License: CC0-1.0\n")
    cv2.imwrite(str(share / "backgrounds" / "wide.png"), cv2.resize(OUTDOORS, (1600, 900)))
    person = cv2.imread(str(sorted((SYNTHETIC / "images").glob("*.jpg"))[0]))
    canvas = np.full((400, 500, 3), 200, np.uint8)
    canvas[70:326, 180:308] = cv2.resize(person, (128, 256))
    cv2.imwrite(str(share / "backgrounds" / "person.png"), canvas)
    parts = [webp(OUTDOORS[:20, :20]), webp(OUTDOORS), webp(OUTDOORS[::-1].copy())]
    (share / "backgrounds" / "all.rcc").write_bytes(
        b"qres" + b"".join(len(part).to_bytes(4, "big") + part for part in parts) + b"end"
    )
    folder = tmp_path / "debs"
    folder.mkdir()
    target = folder / "some-photos_1.0_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(tree), str(target)], check=True, capture_output=True)
    package = photos.Photos(
        "some-photos", "1.0", hashlib.sha256(target.read_bytes()).hexdigest(),
        ("backgrounds/wide.png", "backgrounds/all.rcc#1", "backgrounds/person.png"),
    )  # fmt: skip
    monkeypatch.setattr(photos, "PACKAGES", (package,))
    return target


@pytest.mark.slow
def test_photos_without_people_are_written_with_their_licences(deb, tmp_path, capsys):
    out = tmp_path / "photos"
    assert main(["backgrounds", "--out", str(out), "--debs", str(deb.parent)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "some-photos-copyright.txt", "some-photos_all_1.jpg", "some-photos_wide.jpg",
    ]  # fmt: skip
    assert cv2.imread(str(out / "some-photos_wide.jpg")).shape == (562, 1000, 3)
    second = cv2.imread(str(out / "some-photos_all_1.jpg")).astype(int)
    assert second.shape == OUTDOORS.shape and np.abs(second - OUTDOORS[::-1]).mean() < 12
    assert "CC0-1.0" in (out / "some-photos-copyright.txt").read_text()
    assert "2 photos in" in capsys.readouterr().out
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert main(["backgrounds", "--out", str(out)]) == 0
    assert "is complete already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times
    (out / "some-photos-copyright.txt").unlink()
    assert main(["backgrounds", "--out", str(out), "--debs", str(deb.parent)]) == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err


def test_another_or_a_damaged_package_is_refused(deb, tmp_path, capsys):
    deb.write_bytes(deb.read_bytes()[:-100])
    assert main(["backgrounds", "--out", str(tmp_path / "photos"), "--debs", str(deb.parent)]) == 2
    assert "is not some-photos=1.0: its sha256 is" in capsys.readouterr().err
    assert not (tmp_path / "photos").exists()
    with pytest.raises(InputError, match=r"is damaged|contains no"):
        photos.read_files(deb, {"usr/share/backgrounds/wide.png"})


def test_a_file_that_the_package_lacks_is_named(deb):
    with pytest.raises(InputError, match=r"contains no usr/share/none\.jpg"):
        photos.read_files(deb, {"usr/share/none.jpg"})


def test_without_apt_get_the_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InputError, match=r"download Debian 12's some-photos=1\.0 elsewhere and pass its folder"
    ):
        photos.fetch(photos.Photos("some-photos", "1.0", "0", ()), tmp_path)


def test_packages_are_pinned_and_name_each_photo_once():
    for package in photos.PACKAGES:
        assert len(package.sha256) == 64 and len(set(package.paths)) == len(package.paths) > 0
