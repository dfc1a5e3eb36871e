"""Garments on bodies."""

import json

import cv2
import numpy as np
import pytest

from tests.train.wardrobes import described
from threedsl.errors import InputError
from train.__main__ import main
from train.synthesize.base_mesh import load_base_mesh
from train.synthesize.clothing import assets
from train.synthesize.clothing.garments import Cut, Piece, bind, helper_piece, load_pieces, parse_faces
from train.synthesize.clothing.wardrobe import Wardrobe


def small_piece(**fields):
    return Piece(
        name="patch", slot="upper", references=np.array([[0, 1, 2], [3, 3, 3], [1, 2, 3]]),
        shares=np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1.5, -0.25, -0.25]]),
        offsets=np.array([[0.0, 0.0, 0.1], [0.0, 0.0, 0.0], [-0.01, 0.02, 0.0]]),
        triangles=np.array([[0, 1, 2]], np.uint32), skin=None, canonical=np.zeros((3, 4)),
        hides=np.zeros(4, bool), **fields,
    )  # fmt: skip


REST = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 4]])


def test_a_vertex_is_at_its_references_mean_plus_its_offset():
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


@pytest.fixture(scope="module")
def base():
    return load_base_mesh()


def write_proxy(base, folder, triangles, uv, lift=(0.0, 0.0, 0.0), licence="CC0", hides=None):
    """A proxy whose vertices lie on the base mesh's, moved by `lift` in MakeHuman's axes (decimetres, y up)."""
    used, inverse = np.unique(triangles, return_inverse=True)
    faces = inverse.reshape(-1, 3)
    covered = np.isin(np.arange(len(base.canonical)), [] if hides is None else hides)
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
def small_wardrobe(base, tmp_path_factory):
    """A suit of two parts and one hair style, of the base mesh's own helpers; grey skins, and red unlisted ones."""
    data = tmp_path_factory.mktemp("wardrobe")
    clothes = data / "proxies" / "clothes"
    tights, height = base.groups["tights"], base.canonical[:, 2]
    trunk = (base.canonical[:, 3] < 0.5)[tights].all(1)
    low = trunk & (height[tights] > 0.1).all(1) & (height[tights] < 0.9).all(1)
    high = trunk & (height[tights] > 1.05).all(1) & (height[tights] < 1.4).all(1)
    bare = np.arange(len(height)) < 13_380
    hides = np.flatnonzero(bare & (height > 0.2) & (height < 1.3) & (base.canonical[:, 3] < 0.5))
    for name in ("male_casualsuit02", "female_casualsuit01"):
        write_proxy(base, clothes / name, tights[low | high], (0.1, 0.1), (0, 0, 0.05), hides=hides)
    write_proxy(base, clothes / "male_casualsuit03", tights[low], (0.1, 0.1), licence="CC BY-NC 4.0")
    write_proxy(base, data / "proxies/hair/short03", base.groups["hair"], (0.9, 0.1), licence="CC BY 3.0")
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


@pytest.mark.slow
def test_a_suit_is_split_and_lies_where_its_references_and_offsets_say(base, small_wardrobe):
    path = small_wardrobe / "proxies/clothes/male_casualsuit02/male_casualsuit02.json"
    pieces = {piece.slot: piece for piece in load_pieces(path, base, "suit")}
    assert set(pieces) == {"upper", "lower"}
    rest = base.canonical[:, :3].astype(np.float64) * [1.1, 0.9, 1.2]
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
        assert np.allclose(piece.skin.sum(1), 1) and piece.skin.shape[1] == base.skin.shape[1]
        assert piece.texture[:, :4, 0].min() > 190 and piece.alpha is None  # red in RGB: not the normal map
        assert piece.luminance == pytest.approx(200 / 3, rel=0.05)
    hidden = {slot: base.canonical[piece.hides, 2] for slot, piece in pieces.items()}
    assert hidden["upper"].min() > 1.0 and hidden["lower"].max() < 1.0
    assert sum(map(len, hidden.values())) == json.loads(path.read_text())["metadata"]["deleteVerts"].count(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("offset", "moved"), [((0, 1, 0), (0, 0, 0.1)), ((0, 0, 1), (0, -0.1, 0)), ((1, 0, 0), (0.1, 0, 0))]
)
def test_offsets_are_decimetres_with_y_up_and_z_to_the_front(base, tmp_path, offset, moved):
    triangles = base.groups["l-eye"]
    used = write_proxy(base, tmp_path / "patch", triangles, (0.1, 0.1), offset)
    (piece,) = load_pieces(tmp_path / "patch" / "patch.json", base, "glasses")
    rest = base.canonical[:, :3].astype(np.float64)
    assert piece.slot == "glasses" and np.allclose(bind(piece, rest), rest[used] + moved)
    assert not piece.hides.any()


@pytest.mark.slow
def test_a_damaged_texture_is_named(base, tmp_path):
    write_proxy(base, tmp_path / "patch", base.groups["l-eye"], (0.1, 0.1))
    (tmp_path / "patch/textures/patch.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"patch\.png cannot be read as a picture"):
        load_pieces(tmp_path / "patch/patch.json", base, "hat")


@pytest.fixture(scope="module")
def dressed(small_wardrobe, tmp_path_factory):
    """A dataset of two people who wear the small wardrobe."""
    out = tmp_path_factory.mktemp("dressed") / "set"
    options = "--people 2 --seed 3 --outfits 3 3 --pictures-per-outfit 3 --cameras 4 --samples 1 --workers 1"
    assert main(["synthesize", "--out", str(out), "--wardrobe", str(small_wardrobe), *options.split()]) == 0
    return out


@pytest.mark.slow
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


def test_only_listed_skins_are_used_and_in_their_order(small_wardrobe, base):
    """The order of the names in the folder, which is what it was before there was a list; a seed draws by it."""
    assert list(assets.SKINS) == sorted(set(assets.SKINS)) and len(assets.SKINS) == 20
    found = [
        path.relative_to(small_wardrobe / "skins").as_posix() for path in assets.list_skins(small_wardrobe)
    ]
    assert len(found) == 6 and found == [name for name in assets.SKINS if name in found]
    skins = Wardrobe(base, small_wardrobe).skins
    assert sorted(skins) == [(sex, age) for sex in (False, True) for age in ("middleage", "old", "young")]
    for textures in skins.values():
        assert len(textures) == 1 and (textures[0] == 150).all(), "a red skin is nobody's"


@pytest.mark.slow
def test_dressed_pictures_show_people(dressed):
    pictures = sorted((dressed / "images").rglob("*.jpg"))
    assert len(pictures) == 18
    for path in pictures:
        image = cv2.imread(str(path))
        mask = cv2.imread(str(dressed / "mask" / path.parent.name / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        assert image.shape == (256, 128, 3) and mask.shape == (256, 128)
        assert 0.08 < (mask > 0).mean() < 0.8 and image.std() > 5


@pytest.mark.slow
def test_a_run_with_the_wardrobe_does_not_continue_without(dressed, capsys):
    options = "--people 2 --seed 3 --outfits 3 3 --pictures-per-outfit 3 --cameras 4 --samples 1 --workers 1"
    assert main(["synthesize", "--out", str(dressed), "--wardrobe", "none", *options.split()]) == 2
    assert "was started with other values of wardrobe" in capsys.readouterr().err


def test_helper_garments_keep_to_their_cut(base):
    cut = Cut(low=0.42, high=0.97, high_front=0.97)
    shorts = helper_piece(base, "tights", "lower", cut, flare=0.02)
    height, arm = shorts.canonical[:, 2], shorts.canonical[:, 3] > 0.5
    assert not arm.any() and height.min() > 0.3 and height.max() < 1.1
    assert shorts.puff[height.argmin()] == pytest.approx(0.02) and shorts.puff[
        height.argmax()
    ] == pytest.approx(0)
    hidden = base.canonical[shorts.hides]
    assert len(hidden) > 500 and ((hidden[:, 2] > 0.42) & (hidden[:, 2] < 0.97)).all()
    sleeveless = helper_piece(base, "tights", "upper", Cut(low=0.8, high=1.4))
    long = helper_piece(base, "tights", "upper", Cut(low=0.8, high=1.4, sleeve=0.7))
    assert len(long.triangles) > len(sleeveless.triangles) and (long.canonical[:, 3] > 0.5).any()
