"""Labels in the file names of the public datasets: patterns of whole names, for `prepare` and for short lists.

Camera and clothes are written as plain numbers without leading zeros ("c03" is "3"), PRCC's cameras as A, B and C.
"""

from __future__ import annotations

import re

from threedsl.data.picture_files import SUFFIXES

# Copies of the public datasets are found in other formats and in capitals.
_END = rf"\.(?i:{'|'.join(sorted(suffix[1:] for suffix in SUFFIXES))})"
MARKET1501 = re.compile(rf"(?P<pid>-1|\d+)_c(?P<camera>\d)s\d+_\d+_\d+(?:{_END})+")  # 0002_c1s1_000451_03.jpg
DUKEMTMC = re.compile(rf"(?P<pid>\d+)_c(?P<camera>\d)_f\d+{_END}")  # 0001_c2_f0046182.jpg
MSMT17 = re.compile(  # 0000/0000_000_01_0303morning_0015_0.jpg
    rf"(?:[^/]*/)*[^_/]+_[^_/]+_(?P<camera>\d+)_[^/]*{_END}"
)
LTCC = re.compile(rf"(?P<pid>\d{{3}})_(?P<clothes>\d+)_c(?P<camera>\d\d?)_\d+{_END}")  # 103_1_c9_017008.png
VCCLOTHES = re.compile(  # 0001-01-03-02.jpg, and with _ as the web page writes it
    rf"(?P<pid>\d{{4}})([-_])(?P<camera>0[1-4])\2(?P<clothes>\d\d)\2\d+{_END}"
)
CELEBREID = re.compile(rf"(?P<pid>\d+)_(?P<index>\d+)_\d+{_END}")  # 1_105_0.jpg
PRCC_TRAIN = re.compile(
    rf"(?P<pid>\d{{3}})/(?P<camera>[ABC])_cropped_rgb\d+{_END}"
)  # 001/A_cropped_rgb001.jpg
PRCC_TEST = re.compile(
    rf"(?P<camera>[ABC])/(?P<pid>\d{{3}})/cropped_rgb\d+{_END}"
)  # A/001/cropped_rgb001.jpg
LONGEST_NUMBER = 100  # digits; Python reads 4,300 at most
PRCC_CLOTHES = {"A": "1", "B": "1", "C": "2"}

_ANY_CAMERA = re.compile(r"(?:^|[_-])c(\d{1,2})(?=[s_.-])")
_MSMT17_STRICT = re.compile(r"\d{4}_\d{3}_(?P<camera>\d\d)_\d{4}(?:morning|noon|afternoon)_.*", re.IGNORECASE)


def plain(number: str) -> str:
    """Digits without leading zeros; anything else as it is, and numbers that no dataset has."""
    return str(int(number)) if number.isdecimal() and len(number) <= LONGEST_NUMBER else number


def labels_in_path(path: str) -> tuple[str, str]:
    """(camera, clothes) encoded in a picture's path, "" where missing; for lists with fewer columns.

    Only names that no other dataset would use by chance are recognised: those of PRCC, LTCC, VC-Clothes and MSMT17, and
    the `_c3` of Market-1501 and DukeMTMC.
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
