"""Rank a gallery for one or more photos."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from threedsl.arguments import positive
from threedsl.cli.common import (
    SOURCES,
    add_filter_arguments,
    add_model_arguments,
    add_share_argument,
    cut_out,
    filter_from,
    in_words,
    load_model,
    open_gallery,
    print_json,
    read_query,
)
from threedsl.data.contents import copies_among
from threedsl.descriptors import STREAMS

if TYPE_CHECKING:
    from threedsl.descriptors import Descriptors
    from threedsl.gallery import Gallery
    from threedsl.pipeline import ThreeDSL

SAME = "  (the query picture itself)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments and the shared ones."""
    parser.add_argument("queries", nargs="+", metavar="QUERY", help="a photo or a person crop")
    parser.add_argument(
        "--gallery",
        required=True,
        help=f"{SOURCES}; a saved index; or a demo gallery (openpeople, synthetic)",
    )
    parser.add_argument("--top", type=positive, default=10, help="matches per query (default 10)")
    parser.add_argument(
        "--stream", choices=STREAMS, default="combined", help="what to rank by (default combined)"
    )
    add_filter_arguments(parser, "find")
    add_share_argument(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print the matches of every query, best first."""
    queries = [read_query(path, args.whole) for path in args.queries]
    model = load_model(args)
    gallery = open_gallery(args.gallery, model, args.whole)
    output = model([crop for crop, _ in queries], bodies=False)
    if args.shape_share or (args.stream == "combined" and model.config.shape_stream):
        gallery, output = _weighed(args.shape_share, model, gallery, output)
    answers = gallery.search(output, stream=args.stream, k=args.top, where=filter_from(args))
    for path, (_, choice), matches in zip(args.queries, queries, answers, strict=True):
        own = copies_among(path, [match.path for match in matches])
        if args.json:
            rows = [
                {
                    "rank": match.rank,
                    "path": str(match.path),
                    "person": match.person,
                    "score": round(match.score, 6),
                    **({"same_picture": True} if match.path in own else {}),
                }
                for match in matches
            ]
            print_json({"query": path, "stream": args.stream, "matches": rows} | cut_out(choice))
            continue
        print(f"{path} ({in_words(choice)}), by {args.stream}:")
        for match in matches:
            print(
                f"{match.rank:>4}  {match.score:+.3f}  {match.person or '-':<12} {match.path}"
                f"{SAME if match.path in own else ''}"
            )


def _weighed(
    asked: str | None, model: ThreeDSL, gallery: Gallery, output: Descriptors
) -> tuple[Gallery, Descriptors]:
    """Gallery and queries with the weight of the shape stream that was asked for; without one, a word on stderr where
    the gallery's own labels say that both streams together are worse than one."""
    from threedsl.descriptors import Descriptors
    from threedsl.evaluation.shape_share import advice_for, shape_share_from

    if not asked:
        described = Descriptors(gallery.appearance, gallery.shape, shape_share=gallery.shape_share)
        if sentence := advice_for(gallery.records, described):
            print(f"among the labelled pictures of the gallery, {sentence}", file=sys.stderr)
        return gallery, output
    share, sentence = shape_share_from(asked, model)
    print(sentence, file=sys.stderr)
    return gallery.weighed(share), replace(output.rows(slice(None)), shape_share=share)
