"""Girths of shapes whose girth is known, and proportions of bodies as people have them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from threedsl.body.measures import body_measures, section, trunk_edges
from threedsl.body.model import BodyModel, BodyOutput

NAMES = [
    "shoulder width / height",
    "hip width / height",
    "arm length / height",
    "leg length / height",
    "chest girth / height",
    "waist girth / height",
    "hip girth / height",
]


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.load()


def tube(radii: tuple[float, float], sides: int = 360) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of an open elliptic tube from y = 0 to y = 1 with half axes in x and z."""
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([radii[0] * np.cos(angle), np.zeros(sides), radii[1] * np.sin(angle)], 1)
    here, there = np.arange(sides), (np.arange(sides) + 1) % sides
    faces = np.concatenate(
        [np.stack([here, there, here + sides], 1), np.stack([there, there + sides, here + sides], 1)]
    )
    return np.concatenate([ring, ring + [0, 1, 0]]), faces


@pytest.mark.parametrize("level", [0.0001, 0.37, 0.9])
def test_girth_of_a_cylinder_is_its_circumference(level):
    vertices, faces = tube((0.2, 0.2))
    girth, breadth = section(vertices, trunk_edges(faces, np.zeros(len(vertices), bool)), level)
    assert girth == pytest.approx(2 * np.pi * 0.2, rel=1e-3)
    assert breadth == pytest.approx(0.4, rel=1e-3)


def test_girth_bridges_the_gap_between_two_legs():
    vertices, faces = tube((0.1, 0.1))
    both = np.concatenate([vertices - [0.15, 0, 0], vertices + [0.15, 0, 0]])
    edges = trunk_edges(np.concatenate([faces, faces + len(vertices)]), np.zeros(len(both), bool))
    girth, breadth = section(both, edges, 0.5)
    assert girth == pytest.approx(2 * np.pi * 0.1 + 2 * 0.3, rel=1e-3)
    assert breadth == pytest.approx(0.5, rel=1e-3)


def test_excluded_faces_are_not_measured_and_a_plane_off_the_mesh_meets_nothing():
    vertices, faces = tube((0.1, 0.1))
    arm = vertices * [3, 1, 1] + [1, 0, 0]
    everything = np.concatenate([vertices, arm])
    mask = np.arange(len(everything)) >= len(vertices)
    edges = trunk_edges(np.concatenate([faces, faces + len(vertices)]), mask)
    assert len(edges) == len({tuple(sorted(edge)) for edge in edges.tolist()}) == 360 * 4
    assert section(everything, edges, 0.5)[1] == pytest.approx(0.2, rel=1e-3)
    assert section(everything, edges, 1.5) == (0.0, 0.0)


@pytest.mark.slow
def test_names_order_and_types(body):
    measures = body_measures(body, np.zeros(10, np.float32))
    assert list(measures) == NAMES
    assert all(type(value) is float for value in measures.values())


@pytest.mark.slow
def test_random_people_have_human_proportions(body):
    rng = np.random.default_rng(0)
    people = [body_measures(body, betas) for betas in rng.standard_normal((12, 10))]
    ranges = [(0.16, 0.27), (0.15, 0.32), (0.24, 0.37), (0.45, 0.58), (0.4, 0.8), (0.3, 0.8), (0.4, 0.9)]
    for name, (low, high) in zip(NAMES, ranges, strict=True):
        values = np.array([person[name] for person in people])
        assert low < values.min() and values.max() < high, (name, values.min(), values.max())
        assert values.std() > 0.002, name
    assert np.mean([p["waist girth / height"] < p["hip girth / height"] for p in people]) > 0.8


def test_lengths_and_widths_are_the_joints_distances(body):
    betas = torch.zeros(1, 10)
    joints = body.joints_at_rest(betas)[0].numpy()
    surface = body(betas, torch.eye(3).expand(1, 24, 3, 3), topology="display").vertices[0].numpy()
    height = surface[:, 1].max() - surface[:, 1].min()
    measures = body_measures(body, betas[0].numpy())
    assert measures["shoulder width / height"] * height == pytest.approx(
        np.linalg.norm(joints[16] - joints[17]), rel=1e-5
    )
    left_arm = np.linalg.norm(joints[16] - joints[18]) + np.linalg.norm(joints[18] - joints[20])
    assert measures["arm length / height"] * height == pytest.approx(left_arm, rel=1e-2)
    assert measures["leg length / height"] * height == pytest.approx(
        joints[1, 1] - surface[:, 1].min(), rel=1e-2
    )


def test_a_scaled_body_has_the_same_proportions(body):
    betas = np.random.default_rng(1).standard_normal(10)

    class Scaled:
        faces_display, smpl = body.faces_display, body.smpl

        def __call__(self, *arguments, **options):
            return BodyOutput(*(1.7 * value for value in body(*arguments, **options)))

    assert body_measures(Scaled(), betas) == pytest.approx(body_measures(body, betas), rel=1e-4)


def test_another_topology_needs_only_joints_and_weights(body):
    """The coarse mesh in the display mesh's place: fewer vertices, other numbers, nearly the same proportions."""
    smpl = SimpleNamespace(v_template=body.coarse_template, lbs_weights=body.coarse_weights)

    class Coarse:
        faces_display = body.faces_coarse

        def __call__(self, betas, pose, displacement, topology):
            return body(betas, pose, displacement, topology="coarse")

    coarse = Coarse()
    coarse.smpl = smpl
    assert body_measures(coarse, np.zeros(10)) == pytest.approx(body_measures(body, np.zeros(10)), rel=0.08)


def test_displacement_widens_girths_and_leaves_joints_alone(body):
    betas = np.zeros(10, np.float32)
    outward = body.coarse_template.numpy() * np.array([0.1, 0, 0.1], np.float32)
    bare, padded = body_measures(body, betas), body_measures(body, betas, outward)
    for name in NAMES[4:]:
        assert padded[name] == pytest.approx(1.1 * bare[name], rel=0.03)
    for name in (NAMES[0], NAMES[2], NAMES[3]):
        assert padded[name] == pytest.approx(bare[name], rel=1e-3)
