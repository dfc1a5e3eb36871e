"""Borrowing a GPU from ZeroGPU, and doing without."""

import pytest

from threedsl.ui import gpu
from threedsl.ui.search.photo import read_photo
from threedsl.ui.service import Service


@pytest.fixture
def person(demo):
    return read_photo(demo.records[2].path).people[0]


@pytest.mark.slow
def test_the_gpu_is_borrowed_for_the_forward_pass_and_the_galleries(
    model, demo, tmp_path, monkeypatch, person
):
    borrowed = []

    class Spaces:
        @staticmethod
        def GPU(duration):
            def decorate(function):
                def run(*args):
                    borrowed.append(duration)
                    return function(*args)

                return run

            return decorate

    monkeypatch.setattr(gpu, "spaces", Spaces)
    service = Service(model, {"tiny": demo}, tmp_path / "files", tmp_path / "cache")
    service.search([person], service.gallery("tiny"), 1)
    assert borrowed == [60, 20]


def test_without_spaces_the_decorator_changes_nothing(monkeypatch):
    monkeypatch.setattr(gpu, "spaces", None)
    assert gpu.on_gpu(5)(len) is len and not gpu.on_zero_gpu()
