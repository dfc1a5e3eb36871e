"""The Chromium that browser tests drive: where it is, how it starts. As a script, it prints the path or why not."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PATIENCE = 120_000  # milliseconds; other tests may keep the machine busy
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--use-gl=angle",
    "--use-angle=swiftshader",
]
# Chromium offers WebGPU even where no adapter is behind it; the 3D viewer then complains and takes WebGL.
WITHOUT_WEBGPU = "delete Navigator.prototype.gpu"


class NoBrowser(LookupError):
    """No Chromium was found; the message says where it was looked for and what to do."""


def find_chromium() -> Path:
    """The executable named by the environment variable CHROMIUM, else the first of `NAMES` on the path.

    Raises NoBrowser when there is none, or when CHROMIUM names something that cannot be run.
    """
    if named := os.environ.get("CHROMIUM"):
        if found := shutil.which(named):
            return Path(found)
        raise NoBrowser(f"CHROMIUM names {named}, which is not a program that can be run")
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    if MAC.is_file():
        return MAC
    raise NoBrowser("no Chromium was found: install chromium, or set CHROMIUM to its path")


if __name__ == "__main__":
    try:
        print(find_chromium())
    except NoBrowser as error:
        sys.exit(f"The browser tests will be left out: {error}.")
