"""The environment with other people's packages, and processes in it and in ours that are measured side by side.

Nothing of theirs is part of this repository: pip puts released packages from PyPI into a folder of its own, which
borrows numpy and torch from the environment that runs the benchmark, so that both sides compute with the same ones.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "installed.txt"  # in every environment that is set up here, before anything else; what it holds, once done
# Their own requirements name torch and numpy versions that no longer install together.
PINNED = ("torchreid==0.2.5", "fastreid==1.4.0", "open-metric-learning==4.0.0")
NEEDED = (  # by open-metric-learning's import, and by the build of fastreid's Cython
    "omegaconf>=2.3,<3",
    "gdown>=5,<7",
    "validators>=0.28,<1",
    "matplotlib>=3.9,<4",
    "pandas>=2.2,<4",
    "cython>=3,<4",
    "setuptools>=68,<90",
)
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
BUILD = """
import importlib.metadata, shutil, sys
from pathlib import Path
import numpy
from setuptools import Extension, setup
from Cython.Build import cythonize
source = importlib.metadata.distribution("fastreid").locate_file("fastreid/evaluation/rank_cylib/rank_cy.pyx")
shutil.copy(source, "rank_cy.pyx")
sys.argv = ["setup", "-q", "build_ext", "--inplace"]
extension = Extension("rank_cy", ["rank_cy.pyx"], include_dirs=[numpy.get_include()])
setup(name="rank_cy", ext_modules=cythonize([extension], quiet=True))
"""


def environment_folder(named: Path | None, name: str) -> Path:
    """The folder of an environment: the one the user named, else one in the user's cache."""
    from threedsl.files import cache_folder

    return (named.expanduser() if named else cache_folder() / name).absolute()


def new_environment(folder: Path, clear: bool) -> None:
    """Make a virtual environment in a folder that is missing or empty, and mark it as begun.

    clear: empty the folder first if it is one of ours, as its mark tells; never for a folder that the user named.
    """
    if folder.is_dir() and any(folder.iterdir()):
        ours = (folder / MARK).is_file()
        if not (ours and clear):
            what = (
                "an older or unfinished environment"
                if ours
                else "something else than this benchmark's environment"
            )
            raise SystemExit(f"error: {folder} holds {what}; name a new or empty folder in --env.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("", encoding="utf-8")
    _run(sys.executable, "-m", "venv", str(folder))


def add_environment_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        type=Path,
        help="folder of the peers' environment, set up where it is missing or empty; by default peers in the user's "
        "cache",
    )


def prepare_environment(named: Path | None) -> tuple[Path, str]:
    """Set the environment up where it is missing; (its python, why fastreid's Cython could not be built or "").

    named: its folder; None: `peers` in the user's cache, re-created when other versions are needed.
    """
    folder = environment_folder(named, "peers")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / MARK
    wanted = "\n".join([sys.version, *PINNED, *NEEDED])
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        print(f"Setting up {folder} (once, about a minute) …", file=sys.stderr)
        new_environment(folder, clear=named is None)
        query = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = Path(_run(str(python), "-c", query).strip())
        borrowed = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
        pip = (
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-warn-conflicts",
        )
        _run(*pip, "--no-deps", *PINNED)
        _run(*pip, *NEEDED)
        done.write_text(wanted, encoding="utf-8")
    build = folder / "cython"
    if not list(build.glob("rank_cy.*.so")) and not list(build.glob("rank_cy.*.pyd")):
        build.mkdir(exist_ok=True)
        try:
            _run(str(python), "-c", BUILD, cwd=build)
        except SystemExit as error:
            return python, f"fastreid's Cython was not built (it needs a C compiler): {str(error)[-300:]}"
    return python, ""


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)[:200]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


class Contender:
    """A process of benchmarks.contenders that works once for every line it is sent; one thread."""

    def __init__(self, name: str, folder: Path, python: Path | str = sys.executable):
        command = [str(python), "-m", "benchmarks.contenders", name, str(folder)]
        environment = os.environ | ONE_THREAD | {"PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.name = name

    def work(self) -> dict:
        """One round: its figures, with CPU seconds under "cpu"."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(
                f"error: {self.name} stopped with code {self.process.wait()}; its message is above."
            )
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
