"""Score a model on datasets: rank-1 to rank-20, mAP and mINP under published protocols."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.arguments import positive, seed
from threedsl.checkpoint.folder import DEFAULT
from threedsl.cli.common import (
    add_model_arguments,
    add_share_argument,
    check_spared,
    load_model,
    print_json,
    writable,
)
from threedsl.descriptors import STREAMS
from threedsl.errors import InputError
from threedsl.evaluation.protocols import ALL, PROTOCOLS

if TYPE_CHECKING:
    from threedsl.evaluation.results import Result
    from threedsl.pipeline import ThreeDSL

PICTURES = (".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "protocols:\n" + "\n".join(
        f"  {protocol.name}\n      {protocol.summary}\n      source: {protocol.source}"
        for protocol in PROTOCOLS
    )
    parser.add_argument(
        "folders", nargs="+", metavar="DIR", help="a dataset folder with list/query.txt and list/gallery.txt"
    )
    parser.add_argument(
        "--protocol",
        action="append",
        metavar="NAME",
        help=f"one of those below, or {ALL}: those published for the dataset, or else those its lists have labels for "
        f"(default {ALL}; separate several with commas, or repeat the option)",
    )
    parser.add_argument(
        "--stream", choices=(*STREAMS, ALL), default=ALL, help=f"what to rank by (default {ALL})"
    )
    parser.add_argument("--flip", action="store_true", help="average each picture with its mirror image")
    parser.add_argument(
        "--rerank", action="store_true", help="k-reciprocal re-ranking (k1 20, k2 6, weight 0.3)"
    )
    parser.add_argument(
        "--expand",
        type=positive,
        default=0,
        metavar="K",
        help="average each query with its K nearest pictures",
    )
    parser.add_argument(
        "--save", metavar="FILE.json", help="write the figures as `summarize` reads them, over several seeds"
    )
    parser.add_argument("--latex", metavar="FILE.tex", help="write the figures as a LaTeX table")
    parser.add_argument("--plot", metavar="FILE", help="write the CMC curves (.png or .jpg)")
    parser.add_argument(
        "--pictures",
        metavar="FILE",
        help="write ranked lists of the best, the median and the worst queries (.png or .jpg); with several protocols "
        "or folders, one file for each, named after it",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="random seed of single-shot draws and intervals (default 0)"
    )
    parser.add_argument("--no-cache", action="store_true", help="do not read or write the descriptor cache")
    add_share_argument(parser)
    add_model_arguments(parser, photos=False)


def run(args: argparse.Namespace) -> None:
    """Compute descriptors, score every protocol, print the metrics and write the plots."""
    from threedsl.evaluation.descriptor_cache import DescriptorCache
    from threedsl.evaluation.figures import Refinement
    from threedsl.evaluation.report import as_json, as_text
    from threedsl.evaluation.results import Result, evaluate_trials
    from threedsl.evaluation.shape_share import advice, shape_share_from
    from threedsl.evaluation.testset import choose_trials
    from threedsl.files import cache_folder

    plot = writable(args.plot, PICTURES) if args.plot else None
    pictures = writable(args.pictures, PICTURES) if args.pictures else None
    save = writable(args.save, (".json",)) if args.save else None
    latex = writable(args.latex, (".tex",)) if args.latex else None
    folders = list(dict.fromkeys(args.folders))
    names = _protocols(args.protocol or [ALL])
    chosen = {folder: choose_trials(folder, names, args.seed) for folder in folders}
    for folder, (trials, left_out) in chosen.items():
        for name, reason in left_out.items():
            print(f"{folder}: {name} is left out: {reason}", file=sys.stderr)
        for sentence in dict.fromkeys(sentence for trial in trials for sentence in trial.notes):
            print(f"{folder}: {sentence}", file=sys.stderr)
    ranking = Refinement(args.rerank, args.expand)
    planned = [
        Result(folder, "", trial, ranking, {}) for folder, (trials, _) in chosen.items() for trial in trials
    ]
    _check_expansion(planned)
    _check_files(plot, pictures, planned)

    model = load_model(args)
    streams = _streams(args.stream, model)
    cache = None
    if not args.no_cache:
        cache = DescriptorCache(cache_folder() / "descriptors", model.fingerprint, args.flip, model.backend)
    share = model.config.shape_share
    if args.shape_share:
        share, sentence = shape_share_from(args.shape_share, model, cache, args.flip)
        print(sentence, file=sys.stderr)
    results = [
        result
        for folder, (trials, _) in chosen.items()
        for result in evaluate_trials(
            folder, trials, model, streams, ranking, cache, args.flip, args.seed, share
        )
    ]
    if cache and cache.trouble:
        print(cache.trouble, file=sys.stderr)

    name = Path(args.checkpoint or DEFAULT).resolve().name
    mirrored = f"{name}, averaged with mirror images" if args.flip else name
    said = {
        "checkpoint": args.checkpoint or DEFAULT,
        "fingerprint": model.fingerprint,
        "shape_share": share if model.config.shape_stream else None,
        "flip": args.flip,
        "seed": args.seed,
    }
    rows = [row for result in results for row in as_json(result, said)]
    if args.json:
        for row in rows:
            print_json(row)
    else:
        print(as_text(results, f"{mirrored} (fingerprint {model.fingerprint[:12]})"))
    for result in results:
        scores = {stream: found.first for stream, found in result.streams.items()}
        people = result.trial.query_labels.pids[result.any.first.query]
        if worse := advice(scores, people, share):
            print(f"{result.folder}, {result.name}: {worse}", file=sys.stderr)
    if save or latex:
        _write_tables(rows, name, save, latex)
    if plot:
        from threedsl.evaluation.plots import write_cmc

        write_cmc(results, plot, f"CMC of {mirrored}")
        print(f"CMC curves: {plot}", file=sys.stderr)
    if pictures:
        from threedsl.evaluation.ranked_lists import write_ranked_lists

        for path in write_ranked_lists(results, pictures, streams[-1], mirrored):
            print(f"ranked lists: {path}", file=sys.stderr)


def _write_tables(rows: list[dict], name: str, save: Path | None, latex: Path | None) -> None:
    """The figures as JSON and as a LaTeX table."""
    from threedsl.evaluation.tables.latex import as_latex
    from threedsl.evaluation.tables.runs import record_text, summarized
    from threedsl.files import write_whole

    if save:
        write_whole(save, record_text(rows).encode())
        print(f"figures: {save}", file=sys.stderr)
    if latex:
        write_whole(latex, as_latex(summarized({name: [rows]})).encode())
        print(f"LaTeX table: {latex}", file=sys.stderr)


def _protocols(words: list[str]) -> list[str]:
    """The names given with --protocol, each of which may list several, separated by commas."""
    names = [name for word in words for name in word.replace(",", " ").split()]
    if not names:
        raise InputError(f"--protocol names no protocol; give {ALL} or a name.")
    return names


def _check_expansion(planned: list[Result]) -> None:
    """Expansion over the whole gallery would make all queries nearly identical."""
    for result in planned:
        count, most = result.ranking.expand, len(result.trial.draws[0]) - 1
        if count > most:
            remedy = f"give {most} or less" if most else "leave it out"
            raise InputError(
                f"--expand {count} averages the whole gallery: {result.folder} ranks {most + 1:,} under "
                f"{result.trial.protocol.name!r}; {remedy}."
            )


def _check_files(plot: Path | None, pictures: Path | None, planned: list[Result]) -> None:
    """Ranked lists must not overwrite the plot, and neither a picture that is ranked."""
    from threedsl.evaluation.ranked_lists import ranked_list_files

    lists = ranked_list_files(planned, pictures) if pictures else []
    records = {record for result in planned for record in (*result.trial.query, *result.trial.gallery)}
    for path in (plot, *lists):
        check_spared(path, (record.path for record in records))
    for path in (pictures, *lists):
        if path and plot and path.resolve() == plot.resolve():
            raise InputError(f"--plot and --pictures would both write {path}; give two names.")


def _streams(asked: str, model: ThreeDSL) -> tuple[str, ...]:
    """The streams to score; "all" of a model without a shape stream is its appearance stream."""
    if asked == "shape" and not model.config.shape_stream:
        raise InputError("This model has no shape stream; use --stream appearance.")
    if asked != ALL:
        return (asked,)
    return STREAMS if model.config.shape_stream else STREAMS[:1]
