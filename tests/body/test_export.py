"""The GLB as others read it: trimesh, and the bytes by the glTF 2.0 specification."""

import json
import struct

import numpy as np
import pytest
import trimesh

from threedsl.body.export import srgb_to_linear, write_glb
from threedsl.errors import InputError


@pytest.fixture
def person() -> tuple[np.ndarray, np.ndarray]:
    """A closed shape 1.8 m high, 0.5 wide, 0.3 deep, away from the origin, with its top narrower than its foot."""
    shape = trimesh.creation.icosphere(subdivisions=3)
    vertices = np.array(shape.vertices)
    vertices *= (1 - 0.3 * (vertices[:, 1:2] > 0.5)) * [0.25, 1, 0.15] * [1, 0, 1] + [0, 0.9, 0]
    return (vertices + [3.0, -0.4, 7.0]).astype(np.float32), np.array(shape.faces)


def gltf(path) -> dict:
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    return json.loads(data[20 : 20 + size])


def test_stands_on_the_ground_upright_in_metres(person, tmp_path):
    path = write_glb(*person, tmp_path / "body.glb")
    scene = trimesh.load(path)
    (mesh,) = scene.geometry.values()
    np.testing.assert_allclose(scene.bounds, mesh.bounds, atol=1e-6)
    np.testing.assert_allclose(mesh.bounds[:, 1], [0, 1.8], atol=1e-5)
    np.testing.assert_allclose(mesh.bounds.mean(0)[[0, 2]], 0, atol=1e-6)
    np.testing.assert_allclose(mesh.extents, [0.5, 1.8, 0.3], rtol=0.05)
    upper, lower = (mesh.vertices[mask] for mask in (mesh.vertices[:, 1] > 1.5, mesh.vertices[:, 1] < 0.3))
    assert np.ptp(upper[:, 0]) < 0.8 * np.ptp(lower[:, 0])
    assert mesh.is_watertight and mesh.volume > 0
    assert len(mesh.faces) == len(person[1])


def test_smooth_normals_and_a_matt_coloured_material(person, tmp_path):
    path = write_glb(*person, tmp_path / "body.glb", colour=(255, 128, 0))
    document = gltf(path)
    (primitive,) = document["meshes"][0]["primitives"]
    assert "NORMAL" in primitive["attributes"]
    assert document["accessors"][primitive["attributes"]["POSITION"]]["count"] == len(person[0])
    material = document["materials"][primitive["material"]]["pbrMetallicRoughness"]
    assert material["metallicFactor"] == 0 and material["roughnessFactor"] > 0.5
    np.testing.assert_allclose(material["baseColorFactor"], [1, 0.2159, 0, 1], atol=3e-3)
    (mesh,) = trimesh.load(path).geometry.values()
    outward = ((mesh.vertex_normals * (mesh.vertices - [0, 0.9, 0])).sum(1) > 0).mean()
    assert outward > 0.99


def test_linear_light():
    assert srgb_to_linear((0, 255, 10)) == pytest.approx([0, 1, 0.003035], abs=1e-6)


def test_replaces_a_file_whole_or_leaves_it(person, tmp_path, monkeypatch):
    path = tmp_path / "body.glb"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(InputError, match=r"body\.glb cannot be written \(disk full\)"):
            write_glb(*person, path)
    assert path.read_bytes() == b"old"
    write_glb(*person, path)
    assert path.read_bytes()[:4] == b"glTF"
    assert [file.name for file in tmp_path.iterdir()] == ["body.glb"]
