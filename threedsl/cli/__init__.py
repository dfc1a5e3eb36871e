"""python -m threedsl: one file a command.

Exit codes: 0 done; 2 wrong usage or input, with one sentence on stderr; 1 a defect of this program; 141 the
reader of its output went away.
"""

from threedsl.cli.main import main

__all__ = ["main"]
