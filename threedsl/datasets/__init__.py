"""Public datasets as their authors publish them, read into lists: one module each, named as on the command line.

A module has a docstring that shows the layout (the help of `python -m threedsl prepare NAME`), `PROTOCOLS`, the general
protocols of threedsl.evaluation.protocols that papers report for it, and `read(root) -> Collection`; where the folder
does not say everything, also `add_arguments(parser)`, whose values `read` receives by name.
"""

from importlib import import_module

DATASETS = {
    name: import_module(f"threedsl.datasets.{name}")
    for name in (
        "market1501",
        "dukemtmc",
        "msmt17",
        "prcc",
        "ltcc",
        "celebreid",
        "vcclothes",
        "fgpr",
        "folder",
    )
}
"""What `prepare` can read, in the order of its help."""
