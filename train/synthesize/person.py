"""Everything about one synthetic person: body, looks, outfits, and pictures of them with their exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from threedsl.body.camera import FOCAL
from train.synthesize import defects, scenes
from train.synthesize.figure import (
    Body,
    Figure,
    bone_transforms,
    load_figure,
    sample_body,
    skinned,
)
from train.synthesize.garments import bind
from train.synthesize.outfits import Looks, Wardrobe, Worn, sample_looks, sample_outfit
from train.synthesize.paint import apply_paint
from train.synthesize.poses import rotation, sample_gait, sample_pose
from train.synthesize.render import Surface, build_scene, camera_position, render, shadow_on

SIZE = (256, 128)
_PERSON, _CAMERA, _OUTFIT = 0, 1, 2
# How far (metres) the surface may lie before a keypoint without hiding it: eyes, ears … ankles.
_THICKNESS = np.array(
    [0.04, 0.03, 0.03, 0.05, 0.05, 0.17, 0.17, 0.12, 0.12, 0.09, 0.09] + [0.24] * 2 + [0.15] * 2 + [0.12] * 2
)


@dataclass(frozen=True)
class Settings:
    """What decides the pictures, besides the number of people: equal settings give equal files."""

    seed: int
    outfits: tuple[int, int]
    pictures: int
    cameras: int
    samples: int
    wardrobe: str | None
    backgrounds: str | None
    body: str
    uniforms: int = 0  # outfits a sex that everybody of a team wears; 0: people dress as they like
    team: int = 0  # people a team; 0: everybody is in one


@dataclass(frozen=True)
class Shot:
    """One picture: JPEG and mask (PNG) files, keypoints (17,3) with confidences, and the body's exact truth."""

    camera: int
    outfit: int
    number: int
    jpeg: bytes
    mask: bytes
    keypoints: np.ndarray
    pose: np.ndarray
    weak_camera: np.ndarray


@dataclass(frozen=True)
class Person:
    """All shots of one person; betas (10,), outfit numbers shared with other people or -1, assets worn."""

    betas: np.ndarray
    shots: list[Shot]
    shared: list[int]
    assets: list[str]


class Studio:
    """What a worker keeps between people: the figure, the wardrobe, the cameras and the body file's shape space."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.figure = load_figure()
        self.wardrobe = Wardrobe(self.figure, Path(settings.wardrobe) if settings.wardrobe else None)
        self.cameras = [
            scenes.sample_camera(_stream(settings.seed, _CAMERA, index)) for index in range(settings.cameras)
        ]
        self.photos = sorted(
            path
            for path in (Path(settings.backgrounds).rglob("*") if settings.backgrounds else ())
            if path.suffix.lower() in (".jpg", ".jpeg", ".png")
        )
        with np.load(settings.body) as file:
            self.base_index = file["base_index"]
            self.template = file["v_template"].astype(np.float64)
            directions = file["shapedirs"].astype(np.float64)
        self.inverse = np.linalg.pinv(directions.reshape(-1, directions.shape[-1]))

    def betas(self, body: Body) -> np.ndarray:
        """(10,) float32: the T-posed body in the body file's shape space, pelvis at the origin."""
        shape = body.tposed[self.base_index] - body.joints[0] - self.template
        return (self.inverse @ shape.reshape(-1)).astype(np.float32)


def _stream(seed: int, kind: int, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(kind, index)))


def make_person(studio: Studio, index: int) -> Person:
    """All pictures of person `index`; depends on the settings and the index only."""
    settings = studio.settings
    rng = _stream(settings.seed, _PERSON, index)
    body = sample_body(studio.figure, rng)
    looks = sample_looks(studio.wardrobe, body, rng)
    gait = sample_gait(rng, body.phenotypes["weight"])
    count = int(rng.integers(settings.outfits[0], settings.outfits[1] + 1))
    several = int(rng.integers(4, min(6, settings.cameras) + 1))
    chosen = rng.permutation(settings.cameras)[:several]
    shots, shared, assets = [], [], set()
    for outfit in range(count):
        worn, number = _outfit(studio, body, looks, index, outfit, rng)
        shared.append(number)
        assets.update(name for item in worn for name in item.piece.assets)
        dressed = _dress(studio.figure, body, looks, worn)
        start = int(rng.integers(several))
        for picture in range(settings.pictures):
            camera = int(chosen[(start + picture) % several])
            shots.append(_shoot(studio, body, gait, dressed, camera, outfit, picture, rng))
    for item in (looks.hair, looks.brows, looks.glasses):
        assets.update(item.piece.assets if item else ())
    return Person(studio.betas(body), shots, shared, sorted(assets))


def _outfit(studio: Studio, body: Body, looks: Looks, index: int, outfit: int, rng) -> tuple[list[Worn], int]:
    """An outfit of one's own, or (one in four) one from the pool that other people wear as well; or a uniform."""
    pool, team = studio.settings.uniforms, studio.settings.team
    if rng.random() < 0.25 or pool:
        place = index // team * pool if team else 0
        number = (place + outfit % pool if pool else int(rng.integers(60))) * 2 + int(body.female)
        drawn = _stream(studio.settings.seed, _OUTFIT, number)
        return sample_outfit(studio.wardrobe, drawn, body.female, 0.4, 0.0), number
    return sample_outfit(studio.wardrobe, rng, body.female, looks.skirts, looks.hats), -1


@dataclass(frozen=True)
class _Layer:
    """A mesh at rest with what it needs to be posed and coloured; `used` are the vertices of its triangles."""

    rest: np.ndarray
    skin: object
    triangles: np.ndarray
    colour: object

    @cached_property
    def used(self) -> np.ndarray:
        return np.unique(self.triangles)


def _texels(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(n,…) nearest texels at uv (n,2); v runs upwards."""
    h, w = texture.shape[:2]
    rows = ((1 - uv[:, 1] % 1) * (h - 1)).astype(np.int32)
    return texture[rows, (uv[:, 0] % 1 * (w - 1)).astype(np.int32)]


def _skin_colour(figure: Figure, faces_uv: np.ndarray, looks: Looks):
    texture = np.clip(looks.skin * looks.skin_tint, 0, 255).astype(np.float32)

    def colour(primitives, shares):
        uv = np.einsum("nkc,nk->nc", faces_uv[primitives], shares)
        return _texels(texture, uv), np.ones(len(uv), bool)

    return colour


def _eye_colour(figure: Figure, triangles: np.ndarray, looks: Looks):
    coords = figure.canonical[:, :3]
    centre = coords[np.unique(triangles)].mean(0)

    def colour(primitives, shares):
        at = np.einsum("nkc,nk->nc", coords[triangles[primitives]], shares) - centre
        iris = (np.hypot(at[:, 0], at[:, 2]) < 0.0065) & (at[:, 1] < 0)
        return np.where(iris[:, None], looks.eyes, [200.0, 192, 186]), np.ones(len(at), bool)

    return colour


def _worn_colour(worn: Worn, ceiling: float | None):
    piece = worn.piece

    def colour(primitives, shares):
        corners = piece.triangles[primitives]
        coords = np.einsum("nkc,nk->nc", piece.canonical[corners], shares)
        covers = np.ones(len(coords), bool)
        texels = np.full((len(coords), 3), 128.0)
        if piece.texture is not None:
            uv = np.einsum("nkc,nk->nc", piece.uv[primitives], shares)
            texels = _texels(piece.texture, uv).astype(np.float64)
            if piece.alpha is not None:
                covers &= _texels(piece.alpha, uv) > 100
        if piece.cut is not None:
            covers &= piece.cut.keeps(coords)
        if ceiling is not None:
            covers &= coords[:, 2] < ceiling
        return apply_paint(worn.paint, coords, texels, piece.luminance), covers

    return colour


def _dress(figure: Figure, body: Body, looks: Looks, worn: list[Worn]) -> list[_Layer]:
    """Layers at rest: the skin that still shows, eyes, and everything worn, outer pieces let out over inner ones."""
    hidden = np.zeros(len(figure.canonical), bool)
    for item in worn:
        hidden |= item.piece.hides
    keep = ~hidden[figure.faces].any(1)
    layers = [
        _Layer(
            body.vertices, figure.skin, figure.faces[keep], _skin_colour(figure, figure.face_uv[keep], looks)
        )
    ]
    for name in ("l-eye", "r-eye"):
        triangles = figure.groups[name]
        layers.append(_Layer(body.vertices, figure.skin, triangles, _eye_colour(figure, triangles, looks)))
    hats = [item.piece.canonical[:, 2].min() for item in worn if item.piece.slot == "hat"]
    ceiling = min(hats) + 0.03 if hats else None
    extras = [item for item in (looks.brows, looks.hair, looks.glasses) if item is not None]
    for item in worn + extras:
        piece = item.piece
        rest = bind(piece, body.vertices, item.puff)
        top = ceiling if piece.slot == "hair" else item.ceiling
        layers.append(_Layer(rest, piece.skin, piece.triangles, _worn_colour(item, top)))
    return layers


def frame_camera(points: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(s, tx, ty) of a crop around points (V,3): tight mostly, sometimes loose, sometimes cutting feet or head."""
    height, width = size
    kind = rng.random()
    share = (
        rng.uniform(0.72, 0.88)
        if kind < 0.15
        else rng.uniform(0.98, 1.14)
        if kind > 0.9
        else rng.uniform(0.87, 0.97)
    )
    low, high = points.min(0), points.max(0)
    middle = (low + high) / 2
    distance = FOCAL * (high[1] - low[1]) / share
    for _ in range(4):
        depth = distance - points[:, 2]
        above = (points[:, 1] - middle[1]) / depth
        aside = (points[:, 0] - middle[0]) / depth
        middle = (
            middle
            + np.array([np.ptp(aside) / 2 + aside.min(), np.ptp(above) / 2 + above.min(), 0]) * distance
        )
        spread = max(np.ptp(above) / share, np.ptp(aside) * height / width / 1.1) * FOCAL
        distance *= spread
    slack = max(0.0, 1 - share) / 2
    jitter = np.array([rng.normal(0, 0.025), rng.uniform(-slack, slack) + rng.normal(0, 0.008)])
    if kind > 0.9:
        jitter[1] = rng.choice([-1, 1], p=[0.3, 0.7]) * (share - 0.92) / 2
    tx, ty = -middle[:2] - jitter * distance / FOCAL
    return np.array([2 * FOCAL / distance, tx, ty])


def project_points(
    points: np.ndarray, camera: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n,2) and depths (n,) of points (n,3), as `threedsl.body.camera.project` does."""
    depth = 2 * FOCAL / camera[0] - points[:, 2]
    scale = FOCAL * size[0] / depth
    pixels = np.stack(
        [size[1] / 2 + scale * (points[:, 0] + camera[1]), size[0] / 2 - scale * (points[:, 1] + camera[2])],
        1,
    )
    return pixels, depth


def _shoot(
    studio: Studio, body: Body, gait, dressed, camera_index: int, outfit: int, number: int, rng
) -> Shot:
    figure, settings = studio.figure, studio.settings
    camera = studio.cameras[camera_index]
    pose = sample_pose(rng, gait)
    heading = camera.heading + rng.normal(0, camera.heading_spread)
    view = scenes.view_rotation(camera, rng)
    pose[0] = view @ rotation("y", heading) @ pose[0]
    transforms = bone_transforms(figure, body, pose)
    pelvis = body.joints[0]
    surfaces = []
    posed: dict[int, np.ndarray] = {}
    for layer in dressed:
        key = id(layer.rest)
        if key not in posed:
            posed[key] = skinned(layer.skin, layer.rest, transforms) - pelvis
        surfaces.append(Surface(posed[key], layer.triangles, layer.colour))
    bare = posed[id(dressed[0].rest)]
    seen = np.concatenate([posed[id(layer.rest)][layer.used] for layer in dressed])
    weak = frame_camera(seen, SIZE, rng)
    light = scenes.light_of(camera, view, rng)
    mesh = build_scene(surfaces)
    picture = render(mesh, surfaces, weak, SIZE, light, rng, settings.samples)
    ground = _backdrop(studio, camera, view, weak, seen, mesh, light, rng)
    image = ground * (1 - picture.coverage[..., None]) + picture.colour
    visible = picture.coverage.copy()
    before = defects.occluder(SIZE, rng)
    if before is not None:
        image = image * (1 - before[1][..., None]) + before[0] * before[1][..., None]
        visible *= 1 - before[1]
    image = defects.develop(image, camera, rng)
    points = figure.keypoints @ bare
    keypoints = _keypoints(points, weak, picture.depth, None if before is None else before[1], rng)
    mask = cv2.imencode(".png", np.where(visible > 0.5, 255, 0).astype(np.uint8))[1].tobytes()
    return Shot(
        camera_index, outfit, number, defects.jpeg(image, camera, rng), mask, keypoints,
        pose.astype(np.float32), weak.astype(np.float32),
    )  # fmt: skip


def _backdrop(studio: Studio, camera, view, weak, seen, mesh, light, rng) -> np.ndarray:
    """RGB float (H,W,3): the place behind the person, with the person's shadow on its ground."""
    floor = float((seen @ view)[:, 1].min())
    place = camera.places[rng.integers(len(camera.places))]
    image, ground = scenes.background(place, view, camera_position(weak), floor, SIZE, rng)
    if studio.photos:
        image = scenes.photo_background(studio.photos, SIZE, rng)
    feet = seen[(seen @ view)[:, 1] < floor + 0.08]
    flat = ground.reshape(-1, 3)
    middle = feet.mean(0)
    near = np.flatnonzero(np.logical_and.reduce([np.abs(flat[:, i] - middle[i]) < 1.6 for i in range(3)]))
    if not len(near):
        return image
    dark = np.zeros(len(flat), np.float32)
    dark[near] = shadow_on(mesh, flat[near] + light.up * 3e-3, light, rng, camera.softness)
    dark = cv2.GaussianBlur(dark.reshape(SIZE), (0, 0), 1.2)
    direct = light.direct / (light.direct + light.ambient)
    gap = cKDTree(feet[:: max(1, len(feet) // 100)]).query(flat[near])[0]
    contact = np.zeros(len(flat), np.float32)
    contact[near] = 0.5 * np.exp(-((gap / 0.07) ** 2))
    return image * (1 - direct * dark)[..., None] * (1 - contact.reshape(SIZE))[..., None]


def _keypoints(points, weak, depth, before, rng) -> np.ndarray:
    """(17,3) pixels and confidences: high when seen, lower behind something, low outside the crop."""
    height, width = SIZE
    pixels, away = project_points(points, weak, SIZE)
    column = np.clip(pixels[:, 0].astype(int), 0, width - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, height - 1)
    inside = (pixels >= 0).all(1) & (pixels < [width, height]).all(1)
    hidden = depth[row, column] < away - _THICKNESS
    if before is not None:
        hidden |= before[row, column] > 0.5
    confidence = np.where(hidden, rng.uniform(0.3, 0.55, 17), rng.uniform(0.82, 0.98, 17))
    confidence = np.where(inside, confidence, rng.uniform(0.03, 0.15, 17))
    return np.concatenate([pixels, confidence[:, None]], 1).astype(np.float32)
