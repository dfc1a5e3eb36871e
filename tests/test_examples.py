"""The `>>>` examples in the docstrings of the public classes."""

import doctest
import importlib

import pytest

SHIPPED_WEIGHTS = (
    "threedsl.pipeline.ThreeDSL",
    "threedsl.pipeline.Output",
    "threedsl.gallery.gallery.Gallery",
)
CLASSES = (
    *(pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED_WEIGHTS),
    "threedsl.descriptors.Descriptors",
    "threedsl.body.bodies.Bodies",
    "threedsl.gallery.gallery.Match",
)


@pytest.mark.parametrize("name", CLASSES)
def test_the_examples_of_a_class_are_true(name, shipped_checkpoint):
    module_name, _, class_name = name.rpartition(".")
    module = importlib.import_module(module_name)
    names = dict(vars(module))
    found = [
        test
        for test in doctest.DocTestFinder(recurse=False).find(
            getattr(module, class_name), class_name, module, names
        )
        if test.examples
    ]
    assert len(found) == 1, f"{name} has no >>> example"
    runner = doctest.DocTestRunner(verbose=False)
    words: list[str] = []
    runner.run(found[0], out=words.append)
    assert runner.failures == 0, "".join(words)
