"""One picture of a dressed person, with keypoints, mask and ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from threedsl.body.camera import FOCAL
from train.synthesize.activities import sample_activity
from train.synthesize.base_mesh import BODY_VERTICES, BodyShape, bone_transforms, skinned
from train.synthesize.dressing import Layer
from train.synthesize.places import defects
from train.synthesize.places.backgrounds import background, photo_background
from train.synthesize.places.cameras import light_of, view_rotation
from train.synthesize.places.seats import seat
from train.synthesize.poses import Gait, rotation
from train.synthesize.render import Picture, Surface, build_scene, camera_position, render, shadow_on
from train.synthesize.studio import SIZE, Studio

# How far (metres) the surface may be in front of a keypoint without hiding it: eyes, ears … ankles.
_THICKNESS = np.array(
    [0.04, 0.03, 0.03, 0.05, 0.05, 0.17, 0.17, 0.12, 0.12, 0.09, 0.09] + [0.24] * 2 + [0.15] * 2 + [0.12] * 2
)

_SEATED = [0, 1, 2]  # SMPL's joints of pelvis and thighs


@dataclass(frozen=True)
class Capture:
    """One picture: JPEG and mask (PNG) files, keypoints (17,3) with confidences, and the body's ground truth.

    activity: what the person does, a key of `activities.SHARES`.
    """

    camera: int
    outfit: int
    number: int
    jpeg: bytes
    mask: bytes
    keypoints: np.ndarray
    pose: np.ndarray
    weak_camera: np.ndarray
    activity: str


def capture(
    studio: Studio,
    body: BodyShape,
    gait: Gait,
    dressed: list[Layer],
    camera_index: int,
    outfit: int,
    number: int,
    rng: np.random.Generator,
) -> Capture:
    """Pose the person, look through a camera, and keep what can be seen; `number` counts pictures of an outfit."""
    base, settings = studio.base, studio.settings
    camera = studio.cameras[camera_index]
    activity, pose = sample_activity(rng, gait, settings.poses == "broad")
    heading = camera.heading + rng.normal(0, camera.heading_spread)
    view = view_rotation(camera, rng)
    facing = view @ rotation("y", heading)
    pose[0] = facing @ pose[0]
    transforms = bone_transforms(base, body, pose)
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
    if activity == "sitting":
        on = seat(bare[:BODY_VERTICES], np.isin(base.parts[:BODY_VERTICES], _SEATED), facing, rng)
        surfaces += [] if on is None else [on]
    weak = frame_camera(upper_part(seen, view, rng), SIZE, rng)
    light = light_of(camera, view, rng)
    mesh = build_scene(surfaces)
    picture = render(mesh, surfaces, weak, SIZE, light, rng, settings.samples)
    ground = _backdrop(studio, camera, view, weak, seen, mesh, light, rng)
    image = ground * (1 - picture.coverage[..., None]) + picture.colour
    visible = picture.person.copy()
    before = defects.occluder(SIZE, rng)
    if before is not None:
        image = image * (1 - before[1][..., None]) + before[0] * before[1][..., None]
        visible *= 1 - before[1]
    there = defects.repeat_edge(image, rng)
    visible *= there
    image = defects.develop(image, camera, rng)
    points = base.keypoints @ bare
    keypoints = _keypoints(points, weak, picture, None if before is None else before[1], there, rng)
    mask = cv2.imencode(".png", np.where(visible > 0.5, 255, 0).astype(np.uint8))[1].tobytes()
    return Capture(
        camera_index, outfit, number, defects.jpeg(image, camera, rng), mask, keypoints,
        pose.astype(np.float32), weak.astype(np.float32), activity,
    )  # fmt: skip


def _backdrop(studio: Studio, camera, view, weak, seen, mesh, light, rng) -> np.ndarray:
    """RGB float (H,W,3): the place behind the person, with the person's shadow on its ground."""
    floor = float((seen @ view)[:, 1].min())
    place = camera.places[rng.integers(len(camera.places))]
    image, ground = background(place, view, camera_position(weak), floor, SIZE, rng)
    if studio.photos and rng.random() < studio.settings.background_share:
        image = photo_background(studio.photos, SIZE, rng)
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


def _keypoints(points, weak, picture: Picture, before, there, rng) -> np.ndarray:
    """(17,3) pixels and confidences: high when seen, lower behind something or beyond the photo, low
    outside the crop."""
    height, width = SIZE
    pixels, away = project_points(points, weak, SIZE)
    column = np.clip(pixels[:, 0].astype(int), 0, width - 1)
    row = np.clip(pixels[:, 1].astype(int), 0, height - 1)
    inside = (pixels >= 0).all(1) & (pixels < [width, height]).all(1)
    hidden = picture.depth[row, column] < away - _THICKNESS
    hidden |= ((picture.coverage - picture.person)[row, column] > 0.5) | (there[row, column] < 0.5)
    if before is not None:
        hidden |= before[row, column] > 0.5
    confidence = np.where(hidden, rng.uniform(0.3, 0.55, 17), rng.uniform(0.82, 0.98, 17))
    confidence = np.where(inside, confidence, rng.uniform(0.03, 0.15, 17))
    return np.concatenate([pixels, confidence[:, None]], 1).astype(np.float32)


def upper_part(points: np.ndarray, view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Those of the person's points (V,3) that a crop is framed around: all, or (one in sixteen) what is above the
    thighs or the waist, as where a photo ends there. view: (3,3) from the world's axes."""
    if rng.random() > 1 / 16:
        return points
    height = (points @ view)[:, 1]
    low, high = height.min(), height.max()
    return points[height > low + rng.uniform(0.25, 0.52) * (high - low)]


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
