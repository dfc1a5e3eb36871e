"""python -m threedsl: one file per command.

Exit codes: 0 done; 2 wrong usage or input, with one sentence on stderr; 1 a bug in this program; 141 the
reader of its output closed the pipe.
"""

from threedsl.cli.main import main

__all__ = ["main"]
