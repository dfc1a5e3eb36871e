"""Uploads of attackers and accidents, each with what has to come of it."""

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from tests.pictures import broken_pictures, encoded, huge_png, odd_pictures, person_like
from tests.zips import (
    crop,
    declaring,
    link,
    locked,
    of_kind,
    overlapping,
    patched,
    renamed,
    with_method,
    zipped,
)
from threedsl.gallery.upload import MOST_PICTURES

GOOD = {"anna/1.png": crop(1), "ben/1.png": crop(2)}
EVIL = "<img src=x onerror=alert(1)>"

Files = Mapping[str, bytes]
# Files, or what packs them: half a gigabyte of zeros takes seconds; words of the refusal or how many pictures; words of
# what is left out.
Case = tuple[Files | Callable[[], Files], str | int, str]


def in_zip(files, words: str | int, left_out: str = "") -> Case:
    return (
        lambda: {"people.zip": files if isinstance(files, bytes) else zipped(files)},
        words,
        left_out,
    )


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/passwd"))
    return buffer.getvalue()


def recursive() -> bytes:
    """A zip in a zip in a zip."""
    data = zipped(GOOD)
    for _ in range(30):
        data = zipped({"next.zip": data})
    return data


def wrong_checksum(data: bytes) -> bytes:
    return patched(data, lambda out, at: struct.pack_into("<I", out, at + 16, 1))


def of_64_bits(data: bytes) -> bytes:
    """Sizes that say "see the 64-bit field", which is not there."""
    return patched(data, lambda out, at: struct.pack_into("<II", out, at + 20, 0xFFFFFFFF, 0xFFFFFFFF))


def far_away(data: bytes) -> bytes:
    """Entries that begin behind the end of the file."""
    return patched(data, lambda out, at: struct.pack_into("<I", out, at + 42, 2**31))


def with_comment(data: bytes) -> bytes:
    end = data.rfind(b"PK\x05\x06")
    return data[: end + 20] + struct.pack("<H", 65535) + b"c" * 65535


def pictures() -> dict[str, Case]:
    broken = {
        f"picture-{name}": ({name: data}, words, "")
        for name, (data, words) in broken_pictures().items()
        if name != "photo.heic"  # some machines have its decoder
    }
    odd = {f"picture-{name}": ({name: data}, 1, "") for name, data in odd_pictures().items()}
    jpeg = encoded(person_like(), "JPEG")
    return (
        broken
        | odd
        | {
            "picture-with-a-zip-behind-it.jpg": ({"photo.jpg": jpeg + zipped(GOOD)}, 1, ""),
            "picture-that-is-a-zip.jpg": ({"photo.jpg": zipped(GOOD)}, "not a picture", ""),
            "picture-without-a-name.png": ({".png": crop()}, 1, ""),
            "picture-called-like-a-device.png": ({"CON.png": crop(1), "nul": crop(2)}, 2, ""),
            "picture-with-a-path.png": ({"../../../../tmp/evil.png": crop()}, 1, ""),
            "picture-with-html-in-its-name.png": ({f"{EVIL}.png": crop()}, 1, ""),
            "picture-with-a-very-long-name.png": ({"x" * 4000 + ".png": crop()}, 1, ""),
            "pictures-too-many": (
                {f"{i}.png": crop(1) for i in range(MOST_PICTURES + 1)},
                f"{MOST_PICTURES + 1} pictures",
                "",
            ),
            "some-good-some-broken": (
                {"a.png": crop(1), "b.png": b"no picture"},
                1,
                "b.png is not a picture",
            ),
            "script.py": ({"x.py": b"import os"}, "not a picture", ""),
            "program.exe": ({"x.exe": b"MZ" + bytes(300)}, "not a picture", ""),
        }
    )


def names() -> dict[str, Case]:
    outside = "contains a file whose path leads outside the zip"
    cut = zipped({"aa.png": crop(1), "b.png": crop(2)})
    return {
        "name-dot-dot": in_zip({"../evil.png": crop()}, outside),
        "name-dot-dot-inside": in_zip({"a/b/../../../evil.png": crop()}, outside),
        "name-absolute": in_zip({"/etc/evil.png": crop()}, outside),
        "name-drive": in_zip({"C:\\Windows\\evil.png": crop()}, outside),
        "name-drive-relative": in_zip({"c:evil.png": crop()}, outside),
        "name-network-share": in_zip({"\\\\server\\share\\evil.png": crop()}, outside),
        "name-dot-dot-backslash": in_zip({"a\\..\\..\\evil.png": crop()}, outside),
        "name-nul": in_zip({"a.png\0.exe": crop()}, outside),
        "name-backslashes": in_zip({"anna\\1.png": crop(1), "ben\\1.png": crop(2)}, 2),
        "name-dots-and-slashes": in_zip({"./anna//.//1.png": crop(1), "ben/1.png": crop(2)}, 2),
        "name-devices": in_zip({"CON.png": crop(1), "aux/LPT1.png": crop(2), "nul/com1.png": crop(3)}, 3),
        "name-long": in_zip({"x" * 300 + ".png": crop(1)} | GOOD, 2, "has too long a name"),
        "name-deep": in_zip({"a/" * 400 + "x.png": crop(1)} | GOOD, 2, "has too long a name"),
        "name-of-60000": in_zip({"x" * 60_000 + ".png": crop(1)} | GOOD, 2, "has too long a name"),
        "name-not-utf-8": in_zip(renamed(cut, b"aa.png", b"\xff\xfe.png"), 2),
        "name-falsely-utf-8": in_zip(
            renamed(cut, b"aa.png", b"\xff\xfe.png", utf8=True), "not a zip file, or is damaged"
        ),
        "name-html": in_zip({f"{EVIL}/1.png": crop(1), "ben/1.png": crop(2)}, 2),
        "name-formula": in_zip({"=cmd|' /C calc'!A0/1.png": crop(1), "ben/1.png": crop(2)}, 2),
        "name-turned-round": in_zip({"a\u202egnp.exe.png": b"x"} | GOOD, 2, "a?gnp.exe.png"),
        "name-lines": in_zip({"a\nb\r\n.png": b"x"} | GOOD, 2, "a?b??.png"),
        "name-twice": in_zip([("a.png", crop(1)), ("a.png", crop(2))], 1, "twice"),
        "name-twice-in-two-ways": in_zip({"\u00e9.png": crop(1), "e\u0301.png": crop(2)}, 1, "twice"),
        "name-twice-but-for-case": in_zip({"Anna/1.PNG": crop(1), "anna/1.png": crop(2)}, 2),
        "name-file-and-folder": in_zip({"a.png": crop(1), "a.png/b.png": crop(2)}, 2),
        "name-hidden": in_zip({".hidden.png": crop(1)}, "contains no picture"),
        "name-clutter": in_zip({"__MACOSX/anna/._1.png": b"x", "Thumbs.db": b"x"} | GOOD, 2),
    }


def archives() -> dict[str, Case]:
    whole = zipped(GOOD)
    return {
        "zip-link": in_zip(link("passwd.png", "/etc/passwd"), 1, "passwd.png is a link or a device"),
        "zip-pipe": in_zip(of_kind("pipe.png", b"", stat.S_IFIFO), 1, "is a link or a device"),
        "zip-device": in_zip(of_kind("zero.png", b"", stat.S_IFCHR), 1, "is a link or a device"),
        "zip-password": in_zip(locked(whole), "protected by a password"),
        "zip-in-zip": in_zip(recursive(), "an archive inside the archive"),
        "zip-beside-pictures": in_zip({"more.zip": whole} | GOOD, 2, "more.zip is an archive inside"),
        "zip-with-tar": in_zip({"more.tar.gz": tarred()} | GOOD, 2, "more.tar.gz is an archive inside"),
        "zip-bomb": in_zip({"a.png": bytes(60 * 2**20)}, "unpacks to much more"),
        "zip-bomb-beside": in_zip(GOOD | {"notes.md": bytes(60 * 2**20)}, "unpacks to much more"),
        "zip-bomb-declared": in_zip(declaring(whole, 2**32 - 2), "unpacks to much more"),
        "zip-bomb-of-small-files": in_zip(
            {f"{i}.dat": bytes(2**20 - 1) for i in range(410)}, "more than 400 MB"
        ),
        "zip-bomb-overlapping": in_zip(
            overlapping(zipped({"a0000.png": crop()}), 100), 1, "is damaged inside people.zip"
        ),
        "zip-of-too-many-files": in_zip({f"{i}": b"" for i in range(5001)}, "more than 5,000 files"),
        "zip-of-too-many-pictures": in_zip({f"{i}.png": b"" for i in range(501)}, "501 pictures"),
        "zip-sizes-too-small": in_zip(declaring(whole, 20), "is damaged inside"),
        "zip-checksums": in_zip(wrong_checksum(whole), "is damaged inside"),
        "zip-64-bits": in_zip(of_64_bits(whole), "more than 400 MB"),
        "zip-far-away": in_zip(far_away(whole), "damaged"),
        "zip-method-lzma": in_zip(zipped(GOOD, zipfile.ZIP_LZMA), "unusual compression method"),
        "zip-method-unknown": in_zip(with_method(whole, 99), "unusual compression method"),
        "zip-cut-off": in_zip(whole[: len(whole) // 2], "incomplete"),
        "zip-without-its-end": in_zip(whole[:-30], "incomplete"),
        "zip-without-its-beginning": in_zip(whole[200:], 1, "is damaged inside"),
        "zip-in-parts": in_zip(b"PK\x07\x08" + whole, "several parts"),
        "zip-of-nothing": in_zip(zipped({}), "contains no picture"),
        "zip-of-folders": in_zip({"anna/": b"", "ben/": b""}, "contains no picture"),
        "zip-of-documents": in_zip({"letter.docx": b"x", "a.pdf": b"x"}, "contains no picture"),
        "zip-of-0-bytes": in_zip(b"", "is empty"),
        "zip-that-is-text": in_zip(b"Dear sir or madam", "not a zip file, or is damaged"),
        "zip-that-is-a-picture": in_zip(crop(), "not a zip file, or is damaged"),
        "zip-that-is-zeros": in_zip(bytes(100_000), "not a zip file, or is damaged"),
        "zip-that-is-noise": in_zip(np.random.default_rng(0).bytes(100_000), "not a zip file, or is damaged"),
        "zip-of-ends-only": in_zip(b"PK\x05\x06" * 5000, "not a zip file, or is damaged"),
        "zip-of-entries-only": in_zip(b"PK\x01\x02" * 4000 + whole[-22:], "damaged"),
        "zip-behind-a-picture": in_zip(encoded(person_like(), "JPEG") + whole, 2),
        "zip-with-a-long-comment": in_zip(with_comment(whole), 2),
        "zip-with-a-picture-bomb": in_zip({"bomb.png": huge_png()} | GOOD, 2, "megapixels"),
        "zip-with-a-web-page": in_zip(
            {"a.png": b"<html><script>alert(1)</script>"} | GOOD, 2, "not a picture"
        ),
        "zip-with-everything-broken": in_zip(
            {"a.png": b"x", "b.png": b"y"}, "None of the 2 pictures can be read"
        ),
        "two-zips": ({"a.zip": whole, "b.zip": whole}, "either one .zip or pictures", ""),
        "zip-and-picture": ({"a.zip": whole, "b.png": crop()}, "either one .zip or pictures", ""),
        "tar": ({"people.tar.gz": tarred()}, "another kind of archive", ""),
        "seven-zip": ({"people.7z": b"7z\xbc\xaf\x27\x1c" + bytes(100)}, "another kind of archive", ""),
        "rar": ({"people.rar": b"Rar!\x1a\x07" + bytes(100)}, "another kind of archive", ""),
    }


def lists() -> dict[str, Case]:
    def listed(text: bytes, words: str | int, left_out: str = "") -> Case:
        return {"a.png": crop(1), "b.png": crop(2), "list.txt": text}, words, left_out

    unlisted = "b.png was sent, but list.txt does not list it"

    return {
        "list-alone": ({"list.txt": b"a.png 1 1"}, "without its pictures", ""),
        "list-of-too-many-columns": listed(b"a.png 1\nb.png 1 2 3 4\n", "list.txt, line 2"),
        "list-without-people": listed(b"a.png\n", "no person after the path"),
        "list-with-commas": listed(b"a.png,1,1\n", "not separated by spaces"),
        "list-of-nothing": listed(b"# nothing\n\n", "lists no picture"),
        "list-of-0-bytes": listed(b"", "lists no picture"),
        "list-of-zeros": listed(bytes(500), "is not a text file"),
        "list-in-latin-1": listed(
            "a.png 1\nb.png Gr\u00fc\u00dfe".encode("latin-1"), "line 2: not text in UTF-8"
        ),
        "list-in-utf-16": listed("a.png 1".encode("utf-16"), "not text in UTF-8"),
        "list-that-is-a-picture": listed(crop(), "not text in UTF-8"),
        "list-of-a-megabyte": listed(b"# x\n" * 2**19, "more than 1 MB"),
        "list-of-one-endless-line": listed(b".jpg " * 100_000, "No picture that list.txt names"),
        "list-of-spaces": listed(b"a.jpg" + b" " * 500_000 + b"1 2 3 4 5", "line 1"),
        "list-that-contradicts-itself": listed(
            b"a.png 1\na.png 2\n", "labelled person 2 here and person 1 on line 1"
        ),
        "list-with-one-missing": listed(
            b"a.png 1\nc.png 2\n", 1, "c.png, named in list.txt, was not sent with it"
        ),
        "list-with-all-missing": listed(b"c.png 1\nd.png 2\n", "No picture that list.txt names was sent"),
        "list-that-leads-outside": listed(b"../../../etc/evil.png 1\n", "No picture that list.txt names"),
        "list-of-web-addresses": listed(b"http://127.0.0.1/evil.png 1\n", "No picture that list.txt names"),
        "list-of-server-files": listed(b"/etc/hostname.png 1\n", "No picture that list.txt names"),
        "list-with-html": listed(f"a.png <script>{EVIL.replace(' ', '/')}\n".encode(), 1, unlisted),
        "list-with-controls": listed(b"a.png \x1b[31mred\x07\n", 1, unlisted),
        "list-with-long-labels": listed(b"a.png " + b"x" * 500 + b"\n", 1, unlisted),
        "list-with-endless-labels": listed(
            b"a.png " + b"x" * 100_000 + b"\n", "a label of 100,000 characters"
        ),
        "list-with-the-same-twice": listed(b"a.png 1\na.png 1\nb.png 2\n", 2),
        "two-lists": ({"a.png": crop(), "a.txt": b"a.png 1", "b.txt": b"a.png 1"}, "More than one list", ""),
        "list-in-zip-outside": in_zip(
            GOOD | {"list/gallery.txt": b"../../anna.png 1\n/etc/evil.png 2\n"},
            "No picture that list/gallery.txt",
        ),
        "list-in-zip-too-large": in_zip(
            GOOD | {"list/gallery.txt": np.random.default_rng(0).bytes(2**20 + 1)}, "more than 1 MB"
        ),
        "list-in-zip-damaged": in_zip(GOOD | {"list/gallery.txt": b"\xff\xfe\0"}, "not text in UTF-8"),
    }


CASES = pictures() | names() | archives() | lists()
