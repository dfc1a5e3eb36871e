"""What README, docs/ and the other documents state about the repository: trees, links, paths, tables, versions."""

import re

import pytest
import yaml

import threedsl
from tests.conftest import REPOSITORY
from tests.documents import BLOCKS, TEXTS
from threedsl.datasets import DATASETS
from threedsl.evaluation.protocols import PROTOCOLS

NAMES_OLD_PATHS = ("docs/migration.md", "CHANGELOG.md")


def tree_paths(source: str) -> list[str]:
    """The paths of a document's tree, folders with a slash at the end."""
    (block,) = (block for block in BLOCKS if (block.source, block.heading) == (source, "The tree"))
    paths, parent = [], ""
    for line in block.text.splitlines():
        name = line.split()[0]
        parent = "" if not line.startswith(" ") else parent
        paths.append(parent + name)
        parent = name if not line.startswith(" ") else parent
    return paths


@pytest.mark.parametrize("source", ["README.md", "docs/development.md"])
def test_the_tree_is_true(source):
    paths = tree_paths(source)
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_the_whole_tree_leaves_no_package_out():
    for folder in ("threedsl", "train"):
        packages = {f"{folder}/{child.parent.name}/" for child in (REPOSITORY / folder).glob("*/__init__.py")}
        assert packages <= set(tree_paths("docs/development.md"))


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("source", TEXTS)
def test_links_and_pictures_exist(source):
    text, folder = TEXTS[source], (REPOSITORY / source).parent
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    missing = []
    for target in targets:
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        place = (folder / name).resolve() if name else REPOSITORY / source
        if not place.exists():
            missing.append(target)
        elif anchor and anchor not in anchors(place.read_text(encoding="utf-8")):
            missing.append(target)
    assert missing == []


@pytest.mark.parametrize("source", [source for source in TEXTS if source not in NAMES_OLD_PATHS])
def test_paths_named_in_the_text_exist(source):
    named = re.findall(r"`((?:threedsl|train|tests|docs|checkpoints|assets)/[\w./-]*)`", TEXTS[source])
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_the_tables_of_datasets_and_protocols_are_complete():
    datasets, _, protocols = TEXTS["docs/datasets.md"].partition("## Protocols")
    assert re.findall(r"^\| `(\w+)` \|", datasets, re.MULTILINE) == list(DATASETS)
    assert re.findall(r"^\| `([\w/-]+)` \|", protocols, re.MULTILINE) == [p.name for p in PROTOCOLS]


def test_the_code_cites_sections_of_the_method_that_exist():
    sections = set(re.findall(r"^## (\d)\.", TEXTS["docs/method.md"], re.MULTILINE))
    cited = [
        number
        for folder in ("threedsl", "train")
        for path in (REPOSITORY / folder).rglob("*.py")
        for number in re.findall(r"docs/method\.md,\s+section (\d)", path.read_text(encoding="utf-8"))
    ]
    assert len(cited) >= 8 and set(cited) <= sections


def test_moved_modules_are_where_the_table_says():
    moved = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", TEXTS["docs/migration.md"], re.MULTILINE)
    assert len(moved) > 20

    def is_there(module: str) -> bool:
        place = REPOSITORY / module.replace(".", "/")
        return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()

    assert [new for _, new in moved if not is_there(new)] == []
    files = [REPOSITORY / f"{old.replace('.', '/')}.py" for old, _ in moved]
    assert [path for path in files if path.exists()] == []


def test_the_versions_of_all_files_agree():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == threedsl.__version__ and citation["license"] == "Apache-2.0"
    assert f"## {threedsl.__version__}\n" in TEXTS["CHANGELOG.md"]


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 150
