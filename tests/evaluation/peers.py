"""torchreid's own files as oracles, without its package: importing that would want torchvision."""

import importlib.metadata
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest


def torchreid_file(path: str) -> ModuleType:
    """The module at torchreid/reid/`path`; where it asks for its compiled twin there is none."""
    file = importlib.metadata.distribution("torchreid").locate_file(f"torchreid/reid/{path}")
    spec = importlib.util.spec_from_file_location(f"torchreid_{Path(path).stem}", file)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setitem(sys.modules, "torchreid", None)
        spec.loader.exec_module(module)
    return module
