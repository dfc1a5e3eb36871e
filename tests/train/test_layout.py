"""The trainer's tree: small files, short folders, imports without a circle."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "train").rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path, known):
    """Names of the trainer's modules that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (below & known) or {node.module}
    return found & known


def test_no_module_imports_itself_by_way_of_others():
    known = {name_of(path) for path in MODULES}
    graph = {name_of(path): imported(path, known) for path in MODULES}
    while leaves := [name for name, needs in graph.items() if not needs & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert graph == {}


def test_files_and_folders_are_small():
    long = {
        name_of(path): count
        for path in [*MODULES, *(ROOT / "tests" / "train").rglob("*.py")]
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    folders = {path.parent for path in MODULES}
    full = {str(folder): count for folder in folders if (count := len(list(folder.glob("*.py")))) > 16}
    assert long == {} and full == {}
