"""Results of several runs side by side: none is dropped, and what is missing is named."""

import pytest

from threedsl.errors import InputError
from threedsl.evaluation.figures import METRICS
from threedsl.evaluation.tables.published import PUBLISHED
from threedsl.evaluation.tables.runs import summarized


def row_of(protocol, stream, dataset="ltcc", folder="data/ltcc"):
    figures = {name: {"value": 0.5} for name in METRICS}
    return figures | {"dataset": dataset, "folder": folder, "protocol": protocol, "stream": stream}


def test_what_a_file_lacks_is_named():
    whole = [row_of(protocol, "shape") for protocol in ("standard", "cloth-changing")]
    for seeds in ([whole, whole[:1]], [whole[:1], whole]):
        with pytest.raises(InputError) as error:
            summarized({"ours": seeds})
        said = "ours: not every file has shape under cloth-changing of ltcc; evaluate all alike."
        assert str(error.value) == said


def test_a_result_twice_in_a_file_is_refused():
    with pytest.raises(InputError, match="ours: a file has shape under standard of ltcc twice"):
        summarized({"ours": [[row_of("standard", "shape")] * 2]})


def test_the_papers_figures_are_found_for_datasets_told_apart_by_their_folders():
    rows = [row_of("standard", "shape", "market1501", folder) for folder in ("a", "b")]
    found = summarized({"ours": [rows]})
    assert [row.dataset for row in found] == ["market1501 in a", "market1501 in b"]
    assert all(row.published is PUBLISHED["market1501", "standard"] for row in found)


def test_a_folder_that_is_only_named_like_a_dataset_is_not_compared_with_the_paper():
    rows = [row_of("standard", "shape", None, "data/market1501")]
    found = summarized({"ours": [rows]})
    assert [(row.dataset, row.published) for row in found] == [("market1501", None)]
