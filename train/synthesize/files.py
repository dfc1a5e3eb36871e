"""The dataset folder on disk: pictures and masks per person, then lists, keypoints and ground truth for all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from threedsl.body.joints import COCO_KEYPOINTS
from threedsl.files import whole_file, whole_folder, write_whole
from train.synthesize.person import SyntheticPerson
from train.synthesize.studio import SIZE
from train.synthesize.truth import TRUTH

_FIELDS = (
    "names",
    "camera",
    "clothes",
    "shared",
    "keypoints",
    "pose",
    "weak_camera",
    "activity",
    "betas",
    "traits",
    "assets",
)

_TRUTH = ("paths", "betas", "pose", "camera", "shared_outfit", "activity")


def person_name(index: int) -> str:
    return f"{index + 1:05d}"


def record_path(out: Path, index: int) -> Path:
    """The file that marks person `index` as complete; it holds everything but the pictures."""
    return out / "people" / f"{person_name(index)}.npz"


def is_complete(out: Path, index: int) -> bool:
    """Whether person `index` has a record, pictures and masks: a deleted folder is generated again."""
    folders = [out / kind / person_name(index) for kind in ("images", "mask")]
    return record_path(out, index).is_file() and all(folder.is_dir() for folder in folders)


def remove_leftovers(out: Path) -> None:
    """Deletes half-written people of interrupted runs; call it only while no other run writes here."""
    for kind in ("images", "mask", "people"):
        for path in (out / kind).glob(".[0-9]*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def write_person(out: Path, index: int, person: SyntheticPerson) -> None:
    """Writes pictures and masks as whole folders, then the record; a run interrupted in between leaves no record."""
    name = person_name(index)
    folders = {kind: out / kind / name for kind in ("images", "mask")}
    for kind, folder in folders.items():
        with whole_folder(folder) as fresh:
            for one in person.captures:
                stem = f"{name}_c{one.camera}_o{one.outfit}_{one.number}"
                if kind == "images":
                    (fresh / f"{stem}.jpg").write_bytes(one.jpeg)
                else:
                    (fresh / f"{stem}.png").write_bytes(one.mask)
    captures = person.captures
    arrays = dict(
        names=np.array([f"{name}_c{s.camera}_o{s.outfit}_{s.number}" for s in captures]),
        camera=np.array([s.camera for s in captures]),
        clothes=np.array([s.outfit for s in captures]),
        shared=np.array([person.shared[s.outfit] for s in captures]),
        keypoints=np.stack([s.keypoints for s in captures]),
        pose=np.stack([s.pose for s in captures]),
        weak_camera=np.stack([s.weak_camera for s in captures]),
        activity=np.array([s.activity for s in captures]),
        betas=person.betas,
        traits=person.traits,
        assets=np.array(person.assets, dtype=str),
    )
    with whole_file(record_path(out, index)) as file:
        np.savez(file, **arrays)


def read_record(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {field: file[field] for field in _FIELDS}


def is_test(index: int, share: float) -> bool:
    """Whether person `index` is held out; spread evenly, so that a larger dataset keeps the split."""
    return int((index + 1) * share) > int(index * share)


def finish(out: Path, people: int, test_share: float, seed: int, uniforms: bool = False) -> int:
    """Writes list/, pose/ and truth.npz from the records of all people; returns the number of pictures.

    Labels of clothes count a person's outfits; those of uniforms are the same for all wearers.
    """
    lists: dict[str, list[str]] = {"train": [], "query": [], "gallery": []}
    poses, truth = [], {key: [] for key in _TRUTH}
    names, traits = [], []
    for index in range(people):
        record = read_record(record_path(out, index))
        name = person_name(index)
        worn = record["shared"] if uniforms else same_outfits(record["clothes"], record["shared"])
        lines = [
            f"images/{name}/{stem}.jpg {name} {camera} {clothes}"
            for stem, camera, clothes in zip(record["names"], record["camera"], worn, strict=True)
        ]
        if is_test(index, test_share):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3, index)))
            queries = {int(rng.choice(np.flatnonzero(worn == clothes))) for clothes in np.unique(worn)}
            for i, line in enumerate(lines):
                lists["query" if i in queries else "gallery"].append(line)
        else:
            lists["train"] += lines
        for stem, keypoints in zip(record["names"], record["keypoints"], strict=True):
            poses.append(_alphapose(f"{stem}.jpg", keypoints))
        names.append(name)
        traits.append(record["traits"])
        truth["paths"] += [f"images/{name}/{stem}.jpg" for stem in record["names"]]
        truth["betas"].append(np.repeat(record["betas"][None], len(lines), 0))
        truth["pose"].append(record["pose"])
        truth["camera"].append(record["weak_camera"])
        truth["shared_outfit"].append(record["shared"])
        truth["activity"].append(record["activity"])
    for name, lines in lists.items():
        write_whole(out / "list" / f"{name}.txt", "".join(f"{line}\n" for line in lines).encode())
    write_whole(out / "pose" / "alphapose-results.json", json.dumps(poses).encode())
    arrays = {key: np.concatenate(values) for key, values in truth.items() if key != "paths"}
    with whole_file(out / TRUTH) as file:
        np.savez_compressed(
            file, paths=np.array(truth["paths"]), people=np.array(names), traits=np.stack(traits), **arrays
        )
    return len(poses)


def same_outfits(clothes: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """(N,) outfit numbers where an outfit of the common pool that a person drew twice keeps its first number."""
    first: dict[int, int] = {}
    for number, pool in zip(clothes.tolist(), shared.tolist(), strict=True):
        if pool >= 0:
            first.setdefault(pool, number)
    return np.array(
        [first.get(pool, number) for number, pool in zip(clothes.tolist(), shared.tolist(), strict=True)]
    )


def assets_worn(out: Path, people: int) -> set[str]:
    """Names of all wardrobe assets in the pictures."""
    return {str(name) for index in range(people) for name in read_record(record_path(out, index))["assets"]}


def _alphapose(image: str, keypoints: np.ndarray) -> dict:
    """One entry in AlphaPose's COCO-17 format: x, y, confidence per keypoint, in pixels of the picture."""
    assert len(keypoints) == len(COCO_KEYPOINTS)
    inside = np.clip(keypoints[:, :2], 0, [SIZE[1], SIZE[0]])
    low, high = inside.min(0), inside.max(0)
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": [round(float(value), 2) for value in keypoints.ravel()],
        "score": round(float(keypoints[:, 2].sum()), 3),
        "box": [round(float(value), 1) for value in (*low, *(high - low))],
    }
