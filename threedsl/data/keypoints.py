"""AlphaPose results: COCO-17 keypoints per picture."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threedsl.errors import InputError


def read_alphapose(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Read AlphaPose's flat list of detections.

    Returns:
        image id -> (17, 3) float32: x right, y down in pixels of the picture, confidence. Where several people share a
        picture, the one AlphaPose scores highest.

    Raises:
        InputError: the file is missing, no JSON, or an entry is not a COCO-17 detection.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"Keypoints {path} do not exist; a data set holds AlphaPose's results as pose/alphapose-results.json."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"Keypoints {path} are not valid JSON ({error}).") from None
    if not isinstance(entries, list):
        raise InputError(
            f"Keypoints {path} are not AlphaPose's flat list; run AlphaPose with `--format coco`."
        )
    best: dict[str, tuple[float, NDArray[np.float32]]] = {}
    for number, entry in enumerate(entries):
        try:
            image, score = str(entry["image_id"]), float(entry.get("score", 0.0))
            points = np.asarray(entry["keypoints"], np.float32)
        except (TypeError, KeyError, ValueError):
            raise InputError(
                f"Keypoints {path}, entry {number}: `image_id` or `keypoints` is missing or no number."
            ) from None
        if points.shape != (51,):
            raise InputError(
                f"Keypoints {path}, entry {number}: {points.size} numbers instead of COCO's 17 x 3 = 51."
            )
        if image not in best or score > best[image][0]:
            best[image] = (score, points.reshape(17, 3))
    return {image: points for image, (_, points) in best.items()}
