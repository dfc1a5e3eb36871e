"""Ray-cast pictures of a dressed person: colour, coverage and depth in a pinhole crop.

The camera is `threedsl.body.camera`'s: it stands at (-tx, -ty, 2 FOCAL / s) and looks down -z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import open3d as o3d

from threedsl.body.camera import FOCAL
from train.synthesize.base_mesh import vertex_normals

_PASSES = 4  # surfaces that a ray may meet; hair and lace let it through where they are transparent


@dataclass(frozen=True)
class Surface:
    """A mesh to render: vertices (V,3) in camera axes, triangles (t,3), and colour(primitives (n,), weights (n,3))
    -> RGB (n,3) in 0…255 and coverage (n,) bool (False lets the ray through). scenery: not part of the person."""

    vertices: np.ndarray
    triangles: np.ndarray
    colour: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    scenery: bool = False


@dataclass(frozen=True)
class Light:
    """direction (3,) to the light in camera axes, up (3,), strength of direct light and ambient in 0…1, RGB tints."""

    direction: np.ndarray
    up: np.ndarray
    direct: float
    ambient: float
    tint: np.ndarray
    sky: np.ndarray


@dataclass(frozen=True)
class Picture:
    """colour (H,W,3) premultiplied float 0…255, coverage (H,W) in 0…1, depth (H,W) metres (inf: nothing), person
    (H,W) the part of the coverage that is not scenery."""

    colour: np.ndarray
    coverage: np.ndarray
    depth: np.ndarray
    person: np.ndarray


def camera_position(camera: np.ndarray) -> np.ndarray:
    """(3,) where the camera (s, tx, ty) stands."""
    return np.array([-camera[1], -camera[2], 2 * FOCAL / camera[0]])


def pixel_directions(height: int, width: int, samples: int = 1) -> np.ndarray:
    """(height*samples, width*samples, 3) viewing directions with z = -1, through the middles of (sub)pixels."""
    y = (np.arange(height * samples) + 0.5) / samples
    x = (np.arange(width * samples) + 0.5) / samples
    focal = FOCAL * height
    grid = np.empty((len(y), len(x), 3), np.float32)
    grid[..., 0] = (x[None] - width / 2) / focal
    grid[..., 1] = (height / 2 - y[:, None]) / focal
    grid[..., 2] = -1
    return grid


def build_scene(surfaces: list[Surface]) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    for surface in surfaces:
        scene.add_triangles(
            o3d.core.Tensor(np.ascontiguousarray(surface.vertices, np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(surface.triangles, np.uint32)),
        )
    return scene


def render(
    scene: o3d.t.geometry.RaycastingScene,
    surfaces: list[Surface],
    camera: np.ndarray,
    size: tuple[int, int],
    light: Light,
    rng: np.random.Generator,
    samples: int = 2,
) -> Picture:
    """Renders surfaces with camera (s, tx, ty) in a crop of size (H, W); samples per pixel side."""
    height, width = size
    grid = pixel_directions(height, width, samples)
    origin = camera_position(camera).astype(np.float32)
    everything = np.concatenate([surface.vertices for surface in surfaces])
    depth = origin[2] - everything[:, 2]
    focal = FOCAL * height * samples
    u = width * samples / 2 + focal * (everything[:, 0] - origin[0]) / depth
    v = height * samples / 2 - focal * (everything[:, 1] - origin[1]) / depth
    x0, x1 = np.clip([np.floor(u.min()), np.ceil(u.max()) + 1], 0, width * samples).astype(int)
    y0, y1 = np.clip([np.floor(v.min()), np.ceil(v.max()) + 1], 0, height * samples).astype(int)
    directions = grid[y0:y1, x0:x1].reshape(-1, 3)
    count = len(directions)
    rays = np.empty((count, 6), np.float32)
    rays[:, :3], rays[:, 3:] = origin, directions
    colour, hit_depth = np.zeros((count, 3)), np.full(count, np.inf)
    scenery = np.zeros(count, bool)
    normals = [vertex_normals(surface.vertices, surface.triangles) for surface in surfaces]
    todo = np.arange(count)
    travelled = np.zeros(count, np.float32)
    for _ in range(_PASSES):
        if not len(todo):
            break
        hits = scene.cast_rays(o3d.core.Tensor(rays[todo]), nthreads=1)
        distance, which = hits["t_hit"].numpy(), hits["geometry_ids"].numpy()
        primitive, weights = hits["primitive_ids"].numpy(), hits["primitive_uvs"].numpy()
        through = []
        for index, surface in enumerate(surfaces):
            here = np.flatnonzero(which == index)
            if not len(here):
                continue
            shares = np.column_stack([1 - weights[here].sum(1), weights[here]])
            seen, covers = surface.colour(primitive[here], shares)
            corners = surface.triangles[primitive[here]]
            normal = np.einsum("nkc,nk->nc", normals[index][corners], shares)
            target = todo[here]
            travelled[target] += distance[here]
            solid = target[covers]
            colour[solid] = seen[covers]
            hit_depth[solid] = travelled[solid]
            scenery[solid] = surface.scenery
            view = directions[solid]
            facing = normal[covers]
            facing /= np.sqrt(np.einsum("nc,nc->n", facing, facing) + 1e-12)[:, None]
            facing *= np.where(np.einsum("nc,nc->n", facing, view) > 0, -1.0, 1.0)[:, None]
            colour[solid] *= _shade(scene, origin + view * hit_depth[solid, None], facing, light, rng)
            if not covers.all():
                through.append(target[~covers])
        todo = np.concatenate(through) if through else np.empty(0, int)
        step = travelled[todo] + 1e-3
        travelled[todo] = step
        rays[todo, :3] = origin + directions[todo] * step[:, None]
    shape = (y1 - y0, x1 - x0)
    full = np.zeros((height * samples, width * samples, 4), np.float32)
    full[y0:y1, x0:x1, :3] = colour.reshape(*shape, 3)
    full[y0:y1, x0:x1, 3] = np.isfinite(hit_depth).reshape(shape)
    deep = np.full((height * samples, width * samples), np.inf, np.float32)
    deep[y0:y1, x0:x1] = hit_depth.reshape(shape)
    small = cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA)
    person = small[..., 3]
    if scenery.any():
        full[y0:y1, x0:x1, 3] *= ~scenery.reshape(shape)
        person = cv2.resize(full[..., 3], (width, height), interpolation=cv2.INTER_AREA)
    nearest = np.minimum.reduce(
        [deep[i::samples, j::samples] for i in range(samples) for j in range(samples)]
    )
    return Picture(small[..., :3], small[..., 3], nearest, person)


def _shade(scene, points, normals, light: Light, rng) -> np.ndarray:
    """(n,3) light that reaches surface points: soft-edged sun or lamp with shadow, and a sky brighter above."""
    toward = np.clip(normals @ light.direction, 0, 1)
    lit = toward > 0.01
    visible = np.zeros(len(points))
    if lit.any():
        jitter = rng.normal(0, 0.05, (int(lit.sum()), 3))
        rays = np.concatenate([points[lit] + normals[lit] * 4e-3, light.direction + jitter], 1).astype(
            np.float32
        )
        visible[lit] = ~scene.test_occlusions(o3d.core.Tensor(rays), nthreads=1).numpy()
    above = 0.65 + 0.35 * (normals @ light.up)
    return (light.direct * toward * visible)[:, None] * light.tint + (light.ambient * above)[
        :, None
    ] * light.sky


def shadow_on(
    scene, points: np.ndarray, light: Light, rng: np.random.Generator, softness: float
) -> np.ndarray:
    """(n,) bool: points (n,3) of the surroundings that are in the person's shadow."""
    jitter = rng.normal(0, softness, points.shape)
    rays = np.concatenate([points, light.direction + jitter], 1).astype(np.float32)
    return scene.test_occlusions(o3d.core.Tensor(rays), nthreads=1).numpy()
