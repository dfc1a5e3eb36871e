"""What the commands refuse to begin with."""

import pytest

from train.__main__ import main


@pytest.mark.parametrize(
    "words",
    [
        ["body"],
        ["demo", "data"],
        ["measure", "checkpoint", "--data", "data"],
        ["compare", "a=b", "--data", "data", "--out", "table.json"],
    ],
    ids=lambda words: words[0],
)
def test_seeds_are_whole_numbers_from_0(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--seed", "-1"])
    assert stopped.value.code == 2 and "'-1' is not a whole number of 0 or more" in capsys.readouterr().err
