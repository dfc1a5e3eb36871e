"""The assembled Space: what is in it, what is refused, and that it works with its own requirements only."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_repository import FILES, requirements, third_party_imports, undeclared
from threedsl.cli.main import main
from threedsl.data.listfile import Record, read_list
from threedsl.errors import InputError
from threedsl.space import check as space_check
from threedsl.space.assemble import LIMIT, MARK, PARTS, assemble, space_readme
from threedsl.space.page_client import outputs_of

REPOSITORY = Path(__file__).resolve().parents[2]
# In folders of which parts go along, and of no use to the page.
LEFT_OUT = {"checkpoints/README.md", "threedsl/py.typed"}


@pytest.fixture(scope="module")
def assembled(tmp_path_factory, shipped_checkpoint) -> Path:
    return assemble(tmp_path_factory.mktemp("space") / "out").folder


@pytest.fixture
def repository(tmp_path) -> Path:
    """A small repository with every part, and things beside them that stay out."""
    root = tmp_path / "repository"
    for name, text in {
        "app.py": "print('page')",
        "requirements.txt": "gradio==6.31.0",
        "LICENSE": "yes",
        "README.md": "---\ntitle: t\n---\n\n# t\n\nWhat it is.\n\n```bash\nmake demo\n```\n\n## The tree\n\nx\n\n"
        "## Limits\n\nl\n\n## Responsible use\n\nr\n\n## Licences\n\nlic\n",
        "threedsl/__init__.py": "",
        "threedsl/ui/static/page.css": "p {}",
        "threedsl/ui/static/focus.js": "() => 1",
        "threedsl/__pycache__/x.py": "",
        "threedsl/.secret.py": "",
        "threedsl/notes.bak": "",
        "assets/synthetic/query.txt": "a 1 1",
        "assets/page.jpg": "",
        "checkpoints/body/body.npz": "b",
        "checkpoints/finder/movenet.safetensors": "m",
        "checkpoints/finder/NOTICE.txt": "Google",
        "checkpoints/3dsl-lite/config.json": "{}",
        "checkpoints/other/config.json": "{}",
        "train/engine.py": "",
        "tests/test_x.py": "",
        ".env": "TOKEN=1",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_exactly_what_the_page_needs(repository, tmp_path):
    made = assemble(tmp_path / "out", repository)
    wanted = {
        "app.py",
        "requirements.txt",
        "LICENSE",
        "README.md",
        "threedsl/__init__.py",
        "threedsl/ui/static/page.css",
        "threedsl/ui/static/focus.js",
        "assets/synthetic/query.txt",
        "checkpoints/body/body.npz",
        "checkpoints/finder/movenet.safetensors",
        "checkpoints/finder/NOTICE.txt",
        "checkpoints/3dsl-lite/config.json",
    }
    assert set(tree(made.folder)) == wanted | {MARK} and set(made.sizes) == wanted
    (repository / "packages.txt").write_text("libgl1")
    assert "packages.txt" in assemble(tmp_path / "out", repository).sizes


@pytest.mark.slow
def test_no_tracked_file_of_its_parts_is_forgotten(assembled):
    """A new kind of file in a part, such as a script for the page, has to be named in PARTS or here."""
    folders = tuple(f"{part.path}/" for part in PARTS if part.endings)
    tracked = {path.as_posix() for path in FILES if path.as_posix().startswith(folders)}
    assert tracked - LEFT_OUT - set(tree(assembled)) == set()


@pytest.mark.slow
def test_nothing_else_is_in_it(assembled):
    files = tree(assembled)
    assert max(len(data) for data in files.values()) <= LIMIT
    assert not [
        n for n in files if re.search(r"(^|/)(train|tests|benchmarks|\.git|__pycache__)(/|$)|\.env", n)
    ]
    assert not [
        n
        for n, data in files.items()
        if n.endswith(".py") and re.search(rb"^(from|import) train\b", data, re.M)
    ]
    index = json.loads(files["checkpoints/3dsl-lite/model.safetensors.index.json"])
    assert {f"checkpoints/3dsl-lite/{name}" for name in index["weight_map"].values()} <= set(files)


@pytest.mark.slow
def test_what_it_imports_is_in_its_requirements(assembled):
    sources = [path for path in FILES if path.suffix == ".py" and path.parts[0] in ("threedsl", "app.py")]
    assert undeclared(sources, "requirements.txt") == []
    assert "gradio" in {name for path in sources for name in third_party_imports(path)}
    assert (assembled / "requirements.txt").read_bytes() == (REPOSITORY / "requirements.txt").read_bytes()


def test_its_card_has_the_front_matter_and_no_dead_link(assembled):
    text = (assembled / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py" and (assembled / "app.py").is_file()
    assert f"gradio=={front['sdk_version']}" == requirements("requirements.txt")["gradio"].split()[0]
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (assembled / link).exists()] == []
    assert "## Responsible use" in text and "make demo" not in text


def test_a_readme_without_a_section_is_reported(repository):
    readme = repository / "README.md"
    readme.write_text(readme.read_text().replace("## Responsible use", "## Use"))
    with pytest.raises(InputError, match="no section 'Responsible use'"):
        space_readme(readme)


def test_an_earlier_assembly_is_replaced_whole(repository, tmp_path):
    out = assemble(tmp_path / "out", repository).folder
    (out / "threedsl" / "__pycache__").mkdir()
    (out / "threedsl" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (repository / "threedsl" / "ui" / "static" / "page.css").unlink()
    (repository / "threedsl" / "new.py").write_text("")
    made = tree(assemble(out, repository).folder)
    assert "threedsl/new.py" in made and "threedsl/ui/static/page.css" not in made
    assert not [name for name in made if "__pycache__" in name]
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.parametrize("change", ["add", "edit", "other folder", "file", "broken mark"])
def test_nothing_of_the_users_is_overwritten(repository, tmp_path, change):
    out = tmp_path / "out"
    if change in ("add", "edit"):
        assemble(out, repository)
        (out / ("notes.txt" if change == "add" else "app.py")).write_text("mine")
    elif change == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / (MARK if change == "broken mark" else "thesis.tex")).write_text("mine")
    before = tree(out) if out.is_dir() else out.read_text()
    with pytest.raises(InputError, match=r"changed or added|was not written by this command|is a file"):
        assemble(out, repository)
    assert (tree(out) if out.is_dir() else out.read_text()) == before


def test_the_repository_itself_is_no_place(repository):
    for place in (repository, repository.parent):
        with pytest.raises(InputError, match="contains the repository"):
            assemble(place, repository)


def test_a_failure_leaves_what_was_there(repository, tmp_path, monkeypatch):
    out = assemble(tmp_path / "out", repository).folder
    before = tree(out)
    (repository / "checkpoints" / "3dsl-lite" / "model.safetensors").write_bytes(b"\1" * (LIMIT + 1))
    with pytest.raises(InputError, match=r"model\.safetensors is 10\.0 MB.*save it in pieces"):
        assemble(out, repository)
    (repository / "checkpoints" / "3dsl-lite" / "model.safetensors").unlink()
    real = Path.rename
    refused = []

    def rename(self, to):
        if Path(to) == out and not refused:
            refused.append(self)
            raise OSError(5, "no")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(InputError, match=r"out cannot be written \(no\)"):
        assemble(out, repository)
    assert tree(out) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize(
    "secret",
    ["hf_" + "a" * 34, "ghp_" + "B" * 36, "AKIA" + "C" * 16, "-----BEGIN RSA " + "PRIVATE KEY-----"],
)
def test_keys_are_not_published(repository, tmp_path, secret):
    (repository / "threedsl" / "settings.py").write_text(f"KEY = '{secret}'")
    with pytest.raises(InputError, match=r"threedsl/settings\.py contains what looks like a secret"):
        assemble(tmp_path / "out", repository)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", ["app.py", "threedsl", "checkpoints/body", "checkpoints/finder"])
def test_a_missing_part_is_named(repository, tmp_path, part):
    place = repository / part
    place.unlink() if place.is_file() else shutil.rmtree(place)
    with pytest.raises(InputError, match=f"{part} is missing"):
        assemble(tmp_path / "out", repository)


@pytest.mark.slow
def test_the_command_reports_what_it_did(tmp_path, capsys, shipped_checkpoint):
    assert main(["space", "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["files"] > 100 and report["bytes"] == sum(
        path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != MARK
    )
    assert main(["space", "--out", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err


def answer(**change) -> dict:
    matches = [{"rank": i, "person": "a", "score": 1 - i / 10, "same_person": True} for i in range(1, 6)]
    matches[2] |= change
    return {"results": {stream: matches for stream in ("appearance", "shape", "combined")}}


@pytest.mark.parametrize("change", [{"rank": 7}, {"score": 0.99}, {"person": "c"}, {"same_person": False}])
def test_a_wrong_answer_is_noticed(change):
    people = [Record(Path("x"), pid, "1") for pid in "ab"]
    assert space_check.check_answer(answer(), people[0], people)["shape"] == "a"
    with pytest.raises(InputError, match="not a ranking of this gallery"):
        space_check.check_answer(answer(**change), people[0], people)


def test_streams_of_events_are_read():
    assert outputs_of('event: heartbeat\ndata: null\n\nevent: complete\ndata: [{"a": 1}]\n\n', "x") == [
        {"a": 1}
    ]
    with pytest.raises(InputError, match="Add a photo first"):
        outputs_of('event: error\ndata: {"error": "Add a photo first."}\n\n', "x")
    for stream in ("event: error\ndata: null\n\n", ""):
        with pytest.raises(InputError, match="/x"):
            outputs_of(stream, "x")


@pytest.mark.slow
def test_a_space_that_does_not_start_is_reported_with_its_output(assembled, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "app.py").write_text("raise SystemExit('no such model')")
    (broken / "requirements.txt").write_text("")
    with pytest.raises(InputError, match=r"ended with code 1 before it answered: no such model"):
        space_check.verify(broken)
    (broken / "requirements.txt").write_text("no-such-package-of-threedsl==0.0.1\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match=r"pip .* failed: .*no-such-package-of-threedsl"):
        space_check.verify(broken)


@pytest.mark.server
@pytest.mark.slow
def test_it_starts_in_a_clean_environment_and_finds_a_person(assembled):
    """The whole of --verify: its own requirements from pip's sources, its own process, /search by plain HTTP."""
    before = tree(assembled)
    command = [sys.executable, "-m", "threedsl", "space", "--out", str(assembled), "--verify", "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    verified = json.loads(done.stdout)["verified"]
    gallery = {record.pid for record in read_list(assembled / "assets" / "synthetic" / "gallery.txt")}
    assert set(verified["first"]) == {"appearance", "shape", "combined"}
    assert set(verified["first"].values()) <= gallery
    assert set(verified["seconds"]) == {"environment", "start", "search", "stop"}
    assert tree(assembled).keys() == before.keys(), "running it leaves nothing behind"
