"""Text tables: printed, and written into the README next to this file."""

import os
import platform
import statistics
import sys
from datetime import date
from pathlib import Path

from threedsl.files import write_whole

README = Path(__file__).with_name("README.md")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns stand below each other in plain text too."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(f"{cell:{width}s}" for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def machine() -> str:
    """The machine in general terms, and today's date."""
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    vectors = f" with {found[-1]}" if found else ""
    return (
        f"{os.cpu_count()} cores of {processor()}{vectors}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, {date.today():%d %B %Y}"
    )


def processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def replace_section(name: str, text: str) -> None:
    """Put `text` between the README's comments that name the section."""
    before, rest = README.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- end of {name} -->")
    write_whole(README, f"{before}<!-- {name} -->\n{text}\n<!-- end of {name} -->{after}".encode())
    print(f"Written into {README}.", file=sys.stderr)


def spread(values: list[float], digits: int = 2) -> str:
    """Median and range."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:,.{digits}f}"
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f} – {max(values):,.{digits}f})"
