"""python -m threedsl: one file a command.

Exit codes: 0 done; 2 wrong usage or input, with one sentence on stderr; 1 a defect of this program.
"""

from threedsl.cli.main import main

__all__ = ["main"]
