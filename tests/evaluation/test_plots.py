"""The CMC plot and the pictures of ranked lists, looked at pixel by pixel where it matters."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageColor

from tests.evaluation.standin import StandIn, vector
from threedsl.data.listfile import Record, write_list
from threedsl.evaluation import plots
from threedsl.evaluation import ranked_lists as ranked
from threedsl.evaluation.drawing import Canvas, dashes, fitted, text_width
from threedsl.evaluation.figures import PLAIN, Refinement
from threedsl.evaluation.protocols import find_protocol
from threedsl.evaluation.results import evaluate_trials, short_names
from threedsl.evaluation.testset import read_trial

PEOPLE, CAMERAS = 5, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five people, three cameras, two outfits; each person's pictures are of one grey."""
    root = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    lists = {"query": [], "gallery": []}
    for person in range(PEOPLE):
        for camera in range(CAMERAS):
            for outfit in (0, 1):
                for name, records in lists.items():
                    path = root / "images" / f"{name}_{person}_{camera}_{outfit}.png"
                    path.parent.mkdir(exist_ok=True)
                    grey = 40 * person + 20 + rng.integers(0, 3, (64, 32, 1), dtype=np.uint8)
                    Image.fromarray(np.repeat(grey, 3, 2).astype(np.uint8)).save(path)
                    records.append(Record(path, str(person), str(camera), str(outfit)))
    for name, records in lists.items():
        write_list(records, root / "list" / f"{name}.txt", root)
    return root


def results_of(folder, *names, ranking=PLAIN):
    chosen = [read_trial(folder, find_protocol(name)) for name in names]
    return evaluate_trials(str(folder), chosen, StandIn(), ranking=ranking)


@pytest.fixture(scope="module")
def result(folder):
    return results_of(folder, "cloth-changing")[0]


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def is_colour(image, x, y, colour, reach=1):
    """Whether a pixel near (x, y) has a colour, nearly."""
    x, y = round(x), round(y)
    patch = image[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return bool((np.abs(patch - ImageColor.getrgb(colour)).max(2) < 40).any())


def test_curves_pass_through_their_figures(result, tmp_path):
    plots.write_cmc([result], tmp_path / "cmc.png", "CMC")
    image = pixels(tmp_path / "cmc.png")
    x, y = plots.LEFT, plots.HEADING + plots.TOP
    for stream, figures in result.streams.items():
        for k in (1, 5, 10, 20):
            at = plots._across(x, k), plots._up(y, figures.cmc[k - 1])
            drawn_later = list(plots.COLOURS)[list(plots.COLOURS).index(stream) :]
            assert any(is_colour(image, *at, plots.COLOURS[other]) for other in drawn_later)
            assert figures.cmc[k - 1] == figures.figures[f"rank-{k}"].value
    top = plots.COLOURS["combined"]
    for k in range(1, 20):  # between the ranks, where no mark is
        share = (result.streams["combined"].cmc[k - 1] + result.streams["combined"].cmc[k]) / 2
        assert is_colour(image, plots._across(x, k + 0.5), plots._up(y, share), top, reach=2)
    assert (image[2, 2] == 255).all() and (image > 200).mean() > 0.8, "a light background"


@pytest.mark.slow
def test_every_result_has_its_panel(folder, tmp_path):
    sizes = []
    for names in (["standard"], ["standard", "cloth-changing", "same-clothes", "nothing-removed"]):
        plots.write_cmc(results_of(folder, *names), tmp_path / "cmc.png", "CMC")
        sizes.append(Image.open(tmp_path / "cmc.png").size)
    (one_wide, one_high), (wide, high) = sizes
    assert wide == 3 * one_wide and high - plots.HEADING == 2 * (one_high - plots.HEADING)
    image = pixels(tmp_path / "cmc.png")
    height = one_high - plots.HEADING
    fourth, fifth = image[plots.HEADING + height :, :one_wide], image[plots.HEADING + height :, one_wide:]
    assert (fourth < 200).any() and (fifth == 255).all()


def test_picture_formats_follow_their_names(result, tmp_path):
    for name, kind in {"a.png": "PNG", "b.jpg": "JPEG", "c.JPEG": "JPEG"}.items():
        plots.write_cmc([result], tmp_path / name, "CMC")
        assert Image.open(tmp_path / name).format == kind
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.jpg", "c.JPEG"}


def test_queries_are_best_median_and_worst(result):
    figures = result.streams["shape"]
    order = ranked.quality_order(result.trial, figures)
    precision = figures.first.average_precision[order]
    assert sorted(order) == list(range(len(precision))) and (np.diff(precision) <= 0).all()
    picked = ranked.chosen_queries(result.trial, figures)
    people = result.trial.query_labels.pids[figures.first.query]
    places = {name: [order.index(place) for place in chosen] for name, chosen in picked.items()}
    assert list(places) == ["best", "median", "worst"]
    assert places["best"][0] == 0 and places["worst"][-1] == len(order) - 1 and 14 in places["median"]
    for name, numbers in places.items():
        assert numbers == sorted(numbers) and len({people[place] for place in picked[name]}) == ranked.EACH
    assert len({number for numbers in places.values() for number in numbers}) == 3 * ranked.EACH


@pytest.mark.parametrize("queries", [1, 2, 4])
def test_few_queries_are_shown_once_each(folder, tmp_path, queries):
    """A single person's: one in every group, as long as there are queries."""
    trial = read_trial(folder, find_protocol("standard"))
    few = replace(
        trial, query=trial.query[:queries], query_labels=trial.query_labels.take(np.arange(queries))
    )
    (result,) = evaluate_trials(str(folder), [few], StandIn())
    picked = ranked.chosen_queries(few, result.streams["shape"])
    shown = [place for places in picked.values() for place in places]
    assert len(shown) == len(set(shown)) == min(queries, 3)
    assert ranked.write_ranked_lists([result], tmp_path / "few.png", "shape", "model")[0].is_file()


@pytest.mark.parametrize("name", ["standard", "cloth-changing", "same-clothes"])
@pytest.mark.parametrize(
    "ranking", [PLAIN, Refinement(rerank=True), Refinement(expand=2)], ids=lambda r: r.name
)
def test_what_is_shown_is_what_was_scored(folder, name, ranking):
    """First rank and precision of every query can be read off the full list of nearest pictures."""
    (result,) = results_of(folder, name, ranking=ranking)
    trial, figures = result.trial, result.streams["combined"]
    for place, query in enumerate(figures.first.query):
        rows = ranked.nearest(trial, figures, int(query), len(trial.gallery))
        assert len(rows) == trial.ranked[query]
        right = np.flatnonzero(trial.gallery_labels.pids[rows] == trial.query_labels.pids[query]) + 1
        assert right[0] == figures.first.first_rank[place] and len(right) == trial.matches[query]
        precision = np.mean(np.arange(1, len(right) + 1) / right)
        assert precision == pytest.approx(figures.first.average_precision[place])


def test_what_the_protocol_removes_is_not_shown(result):
    trial = result.trial
    for query in range(len(trial.query)):
        for row in ranked.nearest(trial, result.streams["shape"], query):
            query_record, other = trial.query[query], trial.gallery[row]
            same = query_record.pid == other.pid
            assert not (same and query_record.camid == other.camid)
            assert not (same and query_record.clothes == other.clothes)


def test_the_nearest_are_the_oracles(result):
    """Sorted here by plain products of the stand-in's vectors."""
    trial = result.trial
    for query in (0, 7, 29):
        mine = trial.query[query]
        kept = [
            record
            for record in trial.gallery
            if record.pid != mine.pid or (record.camid != mine.camid and record.clothes != mine.clothes)
        ]
        ours = vector(mine.path, "shape")
        kept.sort(key=lambda record: -float(ours @ vector(record.path, "shape")))
        rows = ranked.nearest(trial, result.streams["shape"], query)
        assert [trial.gallery[row] for row in rows] == kept[: ranked.SHOWN]


@pytest.mark.slow
def test_frames_are_green_for_the_person_and_red_for_others(result, tmp_path):
    (path,) = ranked.write_ranked_lists([result], tmp_path / "lists.png", "combined", "model")
    image, trial, figures = pixels(path), result.trial, result.streams["combined"]
    places = [place for chosen in ranked.chosen_queries(trial, figures).values() for place in chosen]
    step = ranked.STEP
    head = image.shape[0] - ranked.MARGIN - len(places) * step
    left = ranked.MARGIN + ranked.WORDS + ranked.TILE[0] + 3 * ranked.GAP
    for number, place in enumerate(places):
        rows = ranked.nearest(trial, figures, int(figures.first.query[place]))
        person = int(trial.query_labels.pids[figures.first.query[place]])
        for rank, row in enumerate(rows):
            x, y = left + rank * (ranked.TILE[0] + ranked.GAP), head + number * step
            shown = int(trial.gallery_labels.pids[row])
            right = shown == person
            assert is_colour(image, x - 2, y + 50, ranked.GREEN if right else ranked.RED, reach=0)
            inside = image[y + 80, x + 30]
            assert abs(inside - (40 * shown + 21)).max() <= 3, "the picture of that person"
        query = image[head + number * step + 80, ranked.MARGIN + ranked.WORDS + 30]
        assert abs(query - (40 * person + 21)).max() <= 3


@pytest.mark.slow
def test_several_results_have_a_file_each(folder, tmp_path):
    results = results_of(folder, "standard", "cloth-changing", ranking=Refinement(rerank=True))
    written = ranked.write_ranked_lists(results, tmp_path / "lists.jpg", "shape", "model")
    names = ["lists-standard-re-ranked.jpg", "lists-cloth-changing-re-ranked.jpg"]
    assert [path.name for path in written] == names and all(path.is_file() for path in written)


def test_folders_of_one_name_are_distinguished(result):
    def named(folder):
        return type(result)(folder, "", result.trial, result.ranking, result.streams)

    assert short_names([named("a/out"), named("a/out")]) == {"a/out": ""}
    assert short_names([named("a/x"), named("b/y")]) == {"a/x": "x", "b/y": "y"}
    assert short_names([named("a/out"), named("b/out")]) == {"a/out": "a/out", "b/out": "b/out"}


def test_words_are_broken_to_fit():
    lines = fitted("one two three four five six seven", 20, 120)
    assert " ".join(lines) == "one two three four five six seven" and len(lines) > 2
    assert all(text_width(line, 20) <= 120 for line in lines)


def test_dashes_cover_half_of_a_bent_line():
    pieces = dashes([(0, 0), (30, 0), (30, 50)], 10)
    lengths = [sum(np.hypot(*np.diff(np.array(piece), axis=0).T)) for piece in pieces]
    assert lengths == pytest.approx([10, 10, 10, 10]) and pieces[-1][-1] == (30, 40)


def test_a_picture_keeps_its_proportions(tmp_path):
    canvas = Canvas(100, 100)
    canvas.picture((10, 10), (80, 80), np.zeros((40, 20, 3), np.uint8))
    canvas.save(tmp_path / "sheet.png")
    dark = pixels(tmp_path / "sheet.png").max(2) < 100
    assert (dark.any(1).sum(), dark.any(0).sum()) == (80, 40) and dark[50, 50]


def said_by(result, monkeypatch, tmp_path):
    """Every word that is written on a ranked list."""
    words = []
    monkeypatch.setattr(Canvas, "text", lambda self, place, text, *style: words.append(text))
    ranked.write_ranked_lists([result], tmp_path / "lists.png", "shape", "model")
    return words


def test_cameras_and_outfits_are_shown(result, monkeypatch, tmp_path):
    words, trial, figures = said_by(result, monkeypatch, tmp_path), result.trial, result.streams["shape"]
    expected = []
    places = [place for chosen in ranked.chosen_queries(trial, figures).values() for place in chosen]
    for place in places:
        query = int(figures.first.query[place])
        shown = [trial.query[query], *(trial.gallery[row] for row in ranked.nearest(trial, figures, query))]
        expected += [f"c{record.camid} o{record.clothes}" for record in shown]
    assert [word for word in words if word[0] == "c" and word[1].isdigit()] == expected
    assert ranked.origin(Record("a.png", "1", "", "4")) == "o4" and ranked.origin(Record("a.png", "1")) == ""


@pytest.mark.parametrize(("name", "told"), [("cloth-changing", True), ("nothing-removed", False)])
def test_only_what_is_removed_is_spoken_of(folder, name, told, monkeypatch, tmp_path):
    (result,) = results_of(folder, name)
    words = " ".join(said_by(result, monkeypatch, tmp_path))
    assert ("are not shown" in words) == told


def test_one_is_not_many():
    from threedsl.evaluation.results import counted

    assert [counted(n, "match", "matches") for n in (0, 1, 3368)] == ["0 matches", "1 match", "3,368 matches"]
