"""A dataset in the release's list / pose / mask layout, of random pictures."""

import json

import cv2
import numpy as np


def write_dataset(root, people=4, outfits=2, pictures=3, size=(64, 32), folder="images"):
    """Everybody wears outfits "0", "1", … before cameras 1, 2, …; a person's first picture in the last outfit is the
    query, all pictures are in train and gallery. Returns the lines of train.txt."""
    rng = np.random.default_rng(0)
    lines, queries, poses = [], [], []
    for person in range(people):
        for outfit in range(outfits):
            for number in range(pictures):
                name = f"{person:03d}/c{number + 1}_o{outfit}"
                picture = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
                mask = np.zeros(size, np.uint8)
                mask[size[0] // 8 : -size[0] // 8, size[1] // 4 : -size[1] // 4] = 255
                below = "mask" if folder == "images" else f"mask/{folder}"
                for path, content in ((f"{folder}/{name}.png", picture), (f"{below}/{name}.png", mask)):
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(root / path), content)
                points = np.column_stack(
                    [rng.uniform(0, size[1], 17), rng.uniform(0, size[0], 17), np.ones(17)]
                )
                points = points.round(2).ravel().tolist()
                poses.append({"image_id": f"{folder}/{name}.png", "keypoints": points, "score": 1.0})
                lines.append(f"{folder}/{name}.png {person} {number + 1} {outfit}")
                if outfit == outfits - 1 and number == 0:
                    queries.append(lines[-1])
    for name, chosen in (("train", lines), ("query", queries), ("gallery", lines)):
        (root / "list").mkdir(exist_ok=True)
        (root / "list" / f"{name}.txt").write_text("\n".join(chosen) + "\n")
    (root / "pose").mkdir(exist_ok=True)
    (root / "pose" / "alphapose-results.json").write_text(json.dumps(poses))
    return lines


def dress_by_camera(root):
    """Lists of a dataset of `write_dataset` where camera 1 sees outfit 0 only, and camera 2 outfit 1 only; camera 1's
    pictures are the queries."""
    lines = (root / "list" / "train.txt").read_text().splitlines()
    kept = [line for line in lines if line.endswith((" 1 0", " 2 1"))]
    queries = [line for line in kept if line.endswith(" 1 0")]
    for name, chosen in (("train", kept), ("query", queries), ("gallery", kept)):
        (root / "list" / f"{name}.txt").write_text("\n".join(chosen) + "\n")
