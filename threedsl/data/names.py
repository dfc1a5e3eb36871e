"""What the file names of the public data sets tell: patterns of whole names, for `prepare` and for short lists.

Camera and clothes are written as plain numbers without leading zeros ("c03" is "3"), PRCC's cameras as A, B and C.
"""

from __future__ import annotations

import re

MARKET1501 = re.compile(r"(?P<pid>-1|\d+)_c(?P<camera>\d)s\d+_\d+_\d+(?:\.jpg)+")  # 0002_c1s1_000451_03.jpg
DUKEMTMC = re.compile(r"(?P<pid>\d+)_c(?P<camera>\d)_f\d+\.jpg")  # 0001_c2_f0046182.jpg
MSMT17 = re.compile(  # 0000/0000_000_01_0303morning_0015_0.jpg
    r"(?:[^/]*/)*[^_/]+_[^_/]+_(?P<camera>\d+)_[^/]*\.jpg"
)
LTCC = re.compile(r"(?P<pid>\d{3})_(?P<clothes>\d+)_c(?P<camera>\d\d?)_\d+\.png")  # 103_1_c9_017008.png
VCCLOTHES = re.compile(  # 0001-01-03-02.jpg, and with _ as the web page writes it
    r"(?P<pid>\d{4})([-_])(?P<camera>0[1-4])\2(?P<clothes>\d\d)\2\d+\.jpg"
)
CELEBREID = re.compile(r"(?P<pid>\d+)_(?P<index>\d+)_\d+\.jpg")  # 1_105_0.jpg
PRCC_TRAIN = re.compile(r"(?P<pid>\d{3})/(?P<camera>[ABC])_cropped_rgb\d+\.jpg")  # 001/A_cropped_rgb001.jpg
PRCC_TEST = re.compile(r"(?P<camera>[ABC])/(?P<pid>\d{3})/cropped_rgb\d+\.jpg")  # A/001/cropped_rgb001.jpg
PRCC_CLOTHES = {"A": "1", "B": "1", "C": "2"}

_ANY_CAMERA = re.compile(r"(?:^|[_-])c(\d{1,2})(?=[s_.-])")
_MSMT17_STRICT = re.compile(r"\d{4}_\d{3}_(?P<camera>\d\d)_\d{4}(?:morning|noon|afternoon)_.*", re.IGNORECASE)


def plain(number: str) -> str:
    """Digits without leading zeros; anything else as it is."""
    return str(int(number)) if number.isdecimal() else number


def labels_in_path(path: str) -> tuple[str, str]:
    """(camera, clothes) that a picture's path tells, "" where it does not; for lists with fewer columns.

    Only names that no other data set would use by chance count: those of PRCC, LTCC, VC-Clothes and MSMT17, and the
    `_c3` of Market-1501 and DukeMTMC.
    """
    *folders, name = path.rsplit("/", 3)
    if "cropped_rgb" in name:
        if (match := PRCC_TEST.fullmatch("/".join([*folders[-2:], name]))) or (
            match := PRCC_TRAIN.fullmatch("/".join([*folders[-1:], name]))
        ):
            return match["camera"], PRCC_CLOTHES[match["camera"]]
        return "", ""
    if match := LTCC.fullmatch(name) or VCCLOTHES.fullmatch(name):
        return plain(match["camera"]), plain(match["clothes"])
    if match := _MSMT17_STRICT.fullmatch(name):
        return plain(match["camera"]), ""
    match = _ANY_CAMERA.search(name)
    return (plain(match[1]), "") if match else ("", "")
