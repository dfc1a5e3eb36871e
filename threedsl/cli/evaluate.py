"""Score a model on data sets: rank-1 to rank-20, mAP and mINP under published protocols."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from threedsl.arguments import positive, seed
from threedsl.checkpoint_folder import DEFAULT
from threedsl.cli.common import add_model_arguments, load_model, print_json, writable
from threedsl.errors import InputError
from threedsl.evaluation.protocols import ALL, PROTOCOLS
from threedsl.streams import STREAMS

if TYPE_CHECKING:
    from threedsl.evaluation.results import Result
    from threedsl.pipeline import ThreeDSL

PICTURES = (".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "protocols:\n" + "\n".join(
        f"  {protocol.name}\n      {protocol.summary}\n      source: {protocol.source}"
        for protocol in PROTOCOLS
    )
    parser.add_argument(
        "folders", nargs="+", metavar="DIR", help="a data set folder with list/query.txt and list/gallery.txt"
    )
    parser.add_argument(
        "--protocol",
        action="append",
        metavar="NAME",
        help=f"one of those below, or {ALL}: those published for the data set, else those its lists have labels for "
        f"(default {ALL}; several with commas between, or given several times)",
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
    parser.add_argument("--plot", metavar="FILE", help="write the CMC curves (.png or .jpg)")
    parser.add_argument(
        "--pictures",
        metavar="FILE",
        help="write ranked lists of the best, the median and the worst queries (.png or .jpg); with several protocols "
        "or folders, one file for each, named after it",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of single-shot draws and intervals (default 0)")
    parser.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep descriptors in the user's cache"
    )
    add_model_arguments(parser, photos=False)


def run(args: argparse.Namespace) -> None:
    """Describe the pictures, score every protocol, print the figures and write the pictures."""
    from threedsl.evaluation.descriptors import DescriptorCache
    from threedsl.evaluation.figures import Ranking
    from threedsl.evaluation.report import as_json, as_text
    from threedsl.evaluation.results import Result, evaluate_trials
    from threedsl.evaluation.testset import choose_trials
    from threedsl.files import cache_folder

    plot = writable(args.plot, PICTURES) if args.plot else None
    pictures = writable(args.pictures, PICTURES) if args.pictures else None
    folders = list(dict.fromkeys(args.folders))
    names = _protocols(args.protocol or [ALL])
    chosen = {folder: choose_trials(folder, names, args.seed) for folder in folders}
    for folder, (_, left_out) in chosen.items():
        for name, reason in left_out.items():
            print(f"{folder}: {name} is left out: {reason}", file=sys.stderr)
    ranking = Ranking(args.rerank, args.expand)
    planned = [
        Result(folder, "", trial, ranking, {}) for folder, (trials, _) in chosen.items() for trial in trials
    ]
    _check_expansion(planned)
    if plot and pictures:
        _check_files(plot, pictures, planned)

    model = load_model(args)
    streams = _streams(args.stream, model)
    cache = None
    if not args.no_cache:
        cache = DescriptorCache(cache_folder() / "descriptors", model.fingerprint, args.flip)
    results = [
        result
        for folder, (trials, _) in chosen.items()
        for result in evaluate_trials(folder, trials, model, streams, ranking, cache, args.flip, args.seed)
    ]
    if cache and cache.trouble:
        print(cache.trouble, file=sys.stderr)

    name = Path(args.checkpoint or DEFAULT).resolve().name
    mirrored = f"{name}, averaged with mirror images" if args.flip else name
    if args.json:
        said = {
            "checkpoint": args.checkpoint or DEFAULT,
            "fingerprint": model.fingerprint,
            "flip": args.flip,
            "seed": args.seed,
        }
        for result in results:
            for row in as_json(result, said):
                print_json(row)
    else:
        print(as_text(results, f"{mirrored} (fingerprint {model.fingerprint[:12]})"))
    if plot:
        from threedsl.evaluation.plots import write_cmc

        write_cmc(results, plot, f"CMC of {mirrored}")
        print(f"CMC curves: {plot}", file=sys.stderr)
    if pictures:
        from threedsl.evaluation.ranked import write_ranked_lists

        for path in write_ranked_lists(results, pictures, streams[-1], mirrored):
            print(f"ranked lists: {path}", file=sys.stderr)


def _protocols(words: list[str]) -> list[str]:
    """The names of every --protocol, which may hold several with commas between."""
    names = [name for word in words for name in word.replace(",", " ").split()]
    if not names:
        raise InputError(f"--protocol names no protocol; give {ALL} or a name.")
    return names


def _check_expansion(planned: list[Result]) -> None:
    """Expansion by every picture there is would make all queries nearly alike."""
    for result in planned:
        count, most = result.ranking.expand, len(result.trial.draws[0]) - 1
        if count > most:
            remedy = f"give {most} or less" if most else "leave it out"
            raise InputError(
                f"--expand {count} averages the whole gallery: {result.folder} ranks {most + 1:,} under "
                f"{result.trial.protocol.name!r}; {remedy}."
            )


def _check_files(plot: Path, pictures: Path, planned: list[Result]) -> None:
    """Ranked lists must not take the place of the plot."""
    from threedsl.evaluation.ranked import ranked_list_files

    for path in (pictures, *ranked_list_files(planned, pictures)):
        if path.resolve() == plot.resolve():
            raise InputError(f"--plot and --pictures would both write {path}; give two names.")


def _streams(asked: str, model: ThreeDSL) -> tuple[str, ...]:
    """The streams to score; "all" of a model without a shape stream is its appearance stream."""
    if asked == "shape" and not model.config.shape_stream:
        raise InputError("This model has no shape stream; use --stream appearance.")
    if asked != ALL:
        return (asked,)
    return STREAMS if model.config.shape_stream else STREAMS[:1]
