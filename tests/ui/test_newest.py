"""What is overtaken answers nothing, and fails without a word."""

import pytest

from threedsl.ui.newest import Newest


def failing():
    raise ValueError


def test_only_the_newest_answers():
    newest = Newest()

    def overtaken(end):
        newest.begin()
        return end()

    assert newest.run(lambda: 1) == 1
    assert newest.run(lambda: overtaken(lambda: 1)) is None
    assert newest.run(lambda: overtaken(failing)) is None
    with pytest.raises(ValueError):
        newest.run(failing)


def test_who_watches_sees_a_beginning_and_an_answer():
    newest = Newest()
    before = newest.watch()
    assert before()
    during = newest.run(newest.watch)
    assert not before() and not during()
    assert newest.watch()()
