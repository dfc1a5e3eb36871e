"""What is overtaken answers nothing, and fails without a word."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.browser import PATIENCE
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


def test_what_was_sent_earlier_and_arrives_later_is_not_done():
    newest = Newest()
    assert newest.run(lambda: "later", turn=2) == "later"
    assert newest.run(failing, turn=1) is None
    assert newest.run(lambda: newest.run(failing, turn=1) or "now", turn=3) == "now"
    assert not newest.begin(2) and newest.begin(4) and newest.begin(4)


def test_what_failed_or_never_began_is_lost_and_what_was_cancelled_is_not():
    newest = Newest()
    assert newest.is_lost(1) and newest.is_lost(None) and not newest.has_failed()
    newest.run(lambda: 1, turn=1)
    assert not newest.is_lost(1) and newest.is_lost(2)
    with pytest.raises(ValueError):
        newest.run(failing, turn=2)
    assert newest.has_failed() and newest.is_lost(2)
    newest.begin(3)  # the photo was removed
    assert not newest.has_failed() and not newest.is_lost(2) and newest.is_lost(4)


def test_what_was_sent_before_a_lost_one_answers_nothing():
    newest = Newest()
    assert newest.run(lambda: newest.lose(2), turn=1) is None
    assert not newest.lose(1) and not newest.lose(2)
    with pytest.raises(ValueError):
        newest.run(failing, turn=3)
    assert newest.has_failed(3) and not newest.has_failed(4)  # 4 was refused: nothing looked at its photo


@pytest.mark.parametrize("turn", [None, "9", float("nan"), float("inf"), 10**400, {}, [1]])
def test_what_is_no_number_counts_as_the_latest(turn):
    newest = Newest()
    assert newest.run(lambda: 1, turn=5) == 1
    assert newest.run(lambda: 2, turn=turn) == 2
    assert newest.run(lambda: 3, turn=6) == 3 and not newest.begin(5)


def test_of_many_at_once_the_last_sent_answers_whatever_the_threads_do():
    for _ in range(200):
        newest, turns = Newest(), [3, 1, 4, 2]
        together = Barrier(len(turns))

        def answer(turn, newest=newest, together=together):
            together.wait(PATIENCE / 1000)
            return newest.run(lambda: turn, turn)

        with ThreadPoolExecutor(len(turns)) as pool:
            answers = list(pool.map(answer, turns))
        assert answers[turns.index(4)] == 4
