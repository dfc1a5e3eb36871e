"""What a score means: how often pairs that score so high are the same person, measured on people never trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from threedsl.errors import InputError

FIELDS = ("score", "same", "false match rate", "true match rate")


@dataclass(frozen=True)
class Curve:
    """One stream's scores from low to high; the arrays have one length.

    same: share of the pairs with such a score that are one person, never falling.
    false_match_rate, true_match_rate: share of the pairs of two people, and of one person, that score so high or more.
    """

    score: np.ndarray
    same: np.ndarray
    false_match_rate: np.ndarray
    true_match_rate: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """Curves by stream, and on what they were measured."""

    curves: dict[str, Curve]
    protocol: str
    people: int  # in a gallery

    @classmethod
    def read(cls, folder: str | Path | None) -> Calibration | None:
        """From metrics.json of a checkpoint's folder; None where there is none, or it was measured before scores were.

        Raises:
            InputError: the file is damaged.
        """
        path = None if folder is None else Path(folder) / "metrics.json"
        if path is None or not path.is_file():
            return None
        try:
            measured = json.loads(path.read_text(encoding="utf-8")).get("calibration")
            if measured is None:
                return None
            curves = {
                stream: Curve(*(np.asarray(values[name], np.float64) for name in FIELDS))
                for stream, values in measured["streams"].items()
            }
            return cls(curves, str(measured["protocol"]), int(measured["people"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{path} is damaged; measure the checkpoint again with `python -m train measure`."
            ) from None

    def same(self, stream: str, score: float) -> float:
        """Share in [0, 1] of the measured pairs with this score that were the same person; beyond the measured scores,
        that of the nearest one."""
        curve = self.curves[stream]
        return float(np.interp(score, curve.score, curve.same))

    def false_match_rate(self, stream: str, score: float) -> float:
        """Share in [0, 1] of the measured pairs of two people that scored so high or higher."""
        curve = self.curves[stream]
        return float(np.interp(score, curve.score, curve.false_match_rate))

    def sentence(self, stream: str, score: float) -> str:
        """What the score of a pair means, for the page."""
        share = 100 * self.same(stream, score)
        cases = "fewer than 1" if share < 1 else f"{min(99, round(share))}"
        return f"Pairs that score {score:.2f} were the same person in {cases} of 100 cases."

    @property
    def limits(self) -> str:
        """To be said beside every such share."""
        return (
            f"Measured on synthetic people never trained on, in other clothes, in galleries of {self.people} people "
            "with up to three pictures each. It does not transfer to other cameras or other people."
        )
