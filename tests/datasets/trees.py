"""Tiny datasets in the published layout and naming of the real ones, with their oddities, as real pictures.

Every `build_DATASET(root, seed)` writes a tree and returns the folder to hand to `prepare`. A picture is 32 high and
16 wide, its lower half in a colour of the person, its upper half in a colour of the outfit, with noise, so that even
an untrained model finds some people again. The trees hold what real copies hold: junk (-1), distractors (0000),
two-digit cameras, base names that occur in several folders, queries without a true match, Thumbs.db and the like.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 32, 16
FGPR_PATTERN = r"(?P<group>[BW])_(?P<pid>\d+)/cam(?P<camera>\d+)_\d+\.jpg"


class _Painter:
    """Writes pictures; the same seed gives the same tree."""

    def __init__(self, root: str | Path, seed: int):
        self.root = Path(root)
        self.rng = np.random.default_rng(seed)

    def paint(self, name: str, person: object, outfit: object = 0) -> None:
        """A picture at `name` below the root; equal persons and outfits have equal colours."""
        picture = np.empty((HEIGHT, WIDTH, 3))
        picture[: HEIGHT // 2] = _colour("outfit", person, outfit)
        picture[HEIGHT // 2 :] = _colour("person", person)
        picture += self.rng.normal(0, 12, picture.shape)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)

    def write(self, name: str, data: bytes | str = b"debris") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def debris(self, *folders: str) -> None:
        """Debris of file managers; the last one looks like a picture but is not."""
        for folder in folders:
            for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "._0001_c1s1_000001_01.jpg"):
                self.write(f"{folder}/{name}")


def _colour(*key: object) -> np.ndarray:
    return np.random.default_rng(list("/".join(map(str, key)).encode())).uniform(30, 225, 3)


def build_market1501(root: str | Path, seed: int = 0) -> Path:
    """Train 0002, 0007, 0010; test 0001, 0003, 1501, 0005 (whose query has no match in another camera)."""
    painter = _Painter(Path(root) / "Market-1501-v15.09.15", seed)
    frame = iter(range(101, 10_000))

    def add(folder: str, pid: str, camera: int, count: int = 1) -> None:
        for box in range(1, count + 1):
            name = f"{pid}_c{camera}s1_{next(frame):06d}_{box:02d}.jpg"
            painter.paint(f"{folder}/{name}", pid)

    for pid in ("0002", "0007", "0010"):
        for camera in (1, 3, 6):
            add("bounding_box_train", pid, camera, 2)
    for pid in ("0001", "0003", "1501"):
        for camera in (1, 2, 6):
            add("query", pid, camera)
            add("bounding_box_test", pid, camera, 2)
    add("query", "0005", 4)
    add("bounding_box_test", "0005", 4, 2)
    for camera in (1, 2, 5):
        add("bounding_box_test", "0000", camera, 2)
    for camera in (1, 6):
        add("bounding_box_test", "-1", camera, 2)
    painter.debris("bounding_box_train", "bounding_box_test", "query")
    painter.paint("gt_bbox/0001_c1s1_000001_00.jpg", "0001")
    painter.write("gt_query/0001_c1s1_000001_00_good.mat")
    painter.write("readme.txt")
    return painter.root


def build_dukemtmc(root: str | Path, seed: int = 0) -> Path:
    """Train 0001, 0012, 0019; test 0002, 0005, 4000; distractors 0003 and 7139 only in the gallery."""
    painter = _Painter(Path(root) / "DukeMTMC-reID", seed)
    frame = iter(range(44_158, 99_999))

    def add(folder: str, pid: str, camera: int, count: int = 1) -> None:
        for _ in range(count):
            painter.paint(f"{folder}/{pid}_c{camera}_f{next(frame):07d}.jpg", pid)

    for pid in ("0001", "0012", "0019"):
        for camera in (2, 5, 8):
            add("bounding_box_train", pid, camera, 2)
    for pid in ("0002", "0005", "4000"):
        for camera in (1, 2, 8):
            add("query", pid, camera)
            add("bounding_box_test", pid, camera, 2)
    add("bounding_box_test", "0003", 7, 2)
    add("bounding_box_test", "7139", 6)
    painter.debris("query")
    painter.write("LICENSE_DukeMTMC.txt")
    return painter.root


def build_msmt17(root: str | Path, seed: int = 0, version: int = 1) -> Path:
    """Train ids 0 to 2 and test ids 0 to 2 are different people; cameras 1, 9, 12, 15; names collide."""
    painter = _Painter(Path(root) / f"MSMT17_V{version}", seed)
    folders = ("train", "test") if version == 1 else ("mask_train_v2", "mask_test_v2")
    lists: dict[str, list[str]] = {name: [] for name in ("train", "val", "query", "gallery")}

    def add(folder: str, split: str, pid: int, camera: int, number: int) -> None:
        name = f"{pid:04d}/{pid:04d}_{number:03d}_{camera:02d}_0303morning_{number + 15:04d}_0.jpg"
        painter.paint(f"{folder}/{name}", f"{folder} {pid}")
        lists[split].append(f"{name} {pid}")

    for pid in range(3):
        for place, camera in enumerate((1, 9, 12, 15)):
            add(folders[0], "train", pid, camera, 2 * place)
            add(folders[0], "train" if place else "val", pid, camera, 2 * place + 1)
            add(folders[1], "query", pid, camera, 3 * place)
            add(folders[1], "gallery", pid, camera, 3 * place + 1)
            add(folders[1], "gallery", pid, camera, 3 * place + 2)
    for split, lines in lists.items():
        painter.write(f"list_{split}.txt", "\n".join(lines) + "\n")
    painter.debris(f"{folders[0]}/0000")
    return painter.root


def build_prcc(root: str | Path, seed: int = 0) -> Path:
    """Train and val 001, 002, 003; test 004, 016, 074; base names collide between all test folders."""
    painter = _Painter(Path(root) / "prcc", seed)
    for pid in ("001", "002", "003"):
        for camera in "ABC":
            for number in (1, 2, 10):
                split = "val" if number == 10 else "train"
                name = f"{pid}/{camera}_cropped_rgb{number:03d}.jpg"
                painter.paint(f"rgb/{split}/{name}", pid, int(camera == "C"))
            painter.paint(f"sketch/train/{pid}/{camera}_cropped_sketch001.jpg", pid)
    for pid in ("004", "016", "074"):
        for camera, count in (("A", 4), ("B", 2), ("C", 3)):
            for number in range(1, count + 1):
                name = f"test/{camera}/{pid}/cropped_rgb{number:03d}.jpg"
                painter.paint(f"rgb/{name}", pid, int(camera == "C"))
    painter.debris("rgb/test/A", "rgb/test/A/004", "rgb/train/001")
    return painter.root


def build_ltcc(root: str | Path, seed: int = 0) -> Path:
    """Train 003, 017, 080; test 000, 103, 151 of which 151 never changes clothes; cameras up to 12."""
    painter = _Painter(Path(root) / "LTCC_ReID", seed)
    counter = iter(range(17_008, 99_999))

    def add(folder: str, pid: str, outfit: int, camera: int) -> None:
        name = f"{pid}_{outfit}_c{camera}_{next(counter):06d}.png"
        painter.paint(f"{folder}/{name}", pid, outfit)

    for pid, outfits in (("003", (1, 2)), ("017", (1, 2, 3)), ("080", (1,))):
        for outfit in outfits:
            for camera in (1, 9, 11):
                add("train", pid, outfit, camera)
                add("train", pid, outfit, camera)
    for pid, outfits in (("000", (1, 2)), ("103", (1, 2, 3)), ("151", (1,))):
        for outfit in outfits:
            for camera in (1, 3, 10, 12):
                if (outfit + camera) % 2 or outfit == 1:
                    add("query", pid, outfit, camera)
                    add("test", pid, outfit, camera)
                    add("test", pid, outfit, camera)
    for split, changing, unchanging in (
        ("train", "003\n017\n", "080\n"),
        ("test", "000\n103\n", "151\n"),
    ):
        painter.write(f"info/cloth-change_id_{split}.txt", changing)
        painter.write(f"info/cloth-unchange_id_{split}.txt", unchanging)
    painter.debris("test")
    return painter.root


def build_celebreid(root: str | Path, seed: int = 0) -> Path:
    """Train 1 to 3 and test 1 to 3 are different people; a picture's index tells no camera."""
    painter = _Painter(Path(root) / "Celeb-reID", seed)
    for pid in (1, 2, 3):
        for number in (1, 2, 3, 10):
            painter.paint(f"train/{pid}_{number}_0.jpg", f"train {pid}", number)
        for number in (1, 12):
            painter.paint(f"query/{pid}_{number}_0.jpg", f"test {pid}", number % 2)
        for number in (2, 3, 13, 21, 115):
            painter.paint(f"gallery/{pid}_{number}_{number % 2}.jpg", f"test {pid}", number % 3)
    painter.debris("gallery")
    return painter.root


def build_vcclothes(root: str | Path, seed: int = 0, separator: str = "-") -> Path:
    """Train 0001 to 0003, test 0005, 0206, 0511; outfit 2 is worn before camera 4, as in the real set."""
    painter = _Painter(Path(root) / "VC-Clothes", seed)

    def add(folder: str, pid: str, camera: int, number: int) -> None:
        outfit = {1: 3, 2: 1, 3: 1, 4: 2}[camera]
        name = separator.join([pid, f"{camera:02d}", f"{outfit:02d}", f"{number:02d}"])
        painter.paint(f"{folder}/{name}.jpg", pid, outfit)

    for camera in (1, 2, 3, 4):
        for pid in ("0001", "0002", "0003"):
            for number in (1, 2):
                add("train", pid, camera, number)
        for pid in ("0005", "0206", "0511"):
            add("query", pid, camera, 1)
            for number in (2, 3):
                add("gallery", pid, camera, number)
    painter.debris("train")
    return painter.root


def build_fgpr(root: str | Path, seed: int = 0) -> Path:
    """A layout of our own, as the real one is unpublished; read it with FGPR_PATTERN, groups B and W."""
    painter = _Painter(Path(root) / "FGPR", seed)
    for group, pids in (("B", (1, 2, 3)), ("W", (4, 5, 6))):
        for pid in pids:
            for camera in (1, 2, 11):
                painter.paint(f"train/{group}_{pid + 100}/cam{camera}_0001.jpg", pid + 100, group)
                painter.paint(f"query/{group}_{pid:03d}/cam{camera}_0001.jpg", pid, group)
                for number in (2, 3):
                    name = f"gallery/{group}_{pid:03d}/cam{camera}_{number:04d}.jpg"
                    painter.paint(name, pid, group)
    painter.debris("query/B_001")
    return painter.root


def build_folder(root: str | Path, seed: int = 0) -> Path:
    """One sub-folder per person, one with a space in its name, one with a single picture."""
    painter = _Painter(Path(root) / "my people", seed)
    for person in ("anna", "Bo Li", "carla", "dan", "eve", "finn"):
        for camera in ("door", "hall"):
            for number in (1, 2):
                painter.paint(f"{person}/{camera}_{number}.jpg", person, camera)
    painter.paint("once seen/winter/door_1.png", "once seen")
    painter.debris("anna")
    painter.write("notes.txt")
    return painter.root
