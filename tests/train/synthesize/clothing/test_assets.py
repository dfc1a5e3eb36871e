"""Which assets may be used, and who is credited."""

import pytest

from tests.train.wardrobes import AGPL, described
from threedsl.errors import InputError
from train.synthesize.clothing import assets


@pytest.mark.parametrize(
    ("author", "licence", "expected"),
    [
        ("wolgade", "CC0", ("wolgade", "CC0")),
        ("punkduck", "CC0 (see also http://www.makehuman.org/doc/node/external.html)", ("punkduck", "CC0")),
        (
            "punkduck",
            "CC BY 3.0 (see also https://creativecommons.org/licenses/by/3.0/)",
            ("punkduck", "CC BY 3.0"),
        ),
        ("Mindfront (Sweden)", "CC-BY 4.0", ("Mindfront (Sweden)", "CC-BY 4.0")),
        ("DredNicolson", "CCBY", ("DredNicolson", "CCBY")),
        ("Manuel Bastioni, ", AGPL, ("Manuel Bastioni", "CC0 (MakeHuman's own, since 2020)")),
        (
            "Manuel Bastioni, Joel Palmius",
            AGPL,
            ("Manuel Bastioni, Joel Palmius", "CC0 (MakeHuman's own, since 2020)"),
        ),
        ("Manuel Bastioni, a stranger", AGPL, None),
        ("a stranger", AGPL, None),
        ("", AGPL, None),
        ("a stranger", "CC BY-NC 4.0", None),
        ("a stranger", "CC BY-SA 4.0", None),
        ("a stranger", "CC-BY-ND", None),
        ("a stranger", "CC BY 4.0 NonCommercial", None),
        ("a stranger", "all rights reserved", None),
        ("a stranger", "", None),
    ],
)
def test_only_free_licences_are_used(author, licence, expected):
    assert assets.licence_of(described(author, licence)["metadata"]) == expected


@pytest.mark.parametrize("metadata", [None, {}, {"license": None}, {"license": "CC0"}, [], "CC0"])
def test_an_unknown_licence_is_none(metadata):
    assert assets.licence_of(metadata) is None


def test_a_damaged_proxy_is_named(tmp_path):
    broken = tmp_path / "proxies" / "clothes" / "Coat" / "Coat.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    with pytest.raises(InputError, match=r"Coat\.json is damaged"):
        assets.list_assets(tmp_path)
    broken.write_text("[]")
    assert assets.list_assets(tmp_path) == {}


def test_without_a_wardrobe_only_bodies_are_credited():
    text = assets.attribution(None)
    assert "Anny (Apache-2.0)" in text and assets.PACKAGE not in text
