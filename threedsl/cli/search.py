"""Rank a gallery for one or more photos."""

from __future__ import annotations

import argparse

from threedsl.arguments import positive
from threedsl.cli.common import (
    SOURCES,
    add_model_arguments,
    cut_out,
    in_words,
    load_model,
    open_gallery,
    print_json,
    read_query,
)
from threedsl.streams import STREAMS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments and those of every command."""
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
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print the matches of every query, best first."""
    queries = [read_query(path, args.whole) for path in args.queries]
    model = load_model(args)
    gallery = open_gallery(args.gallery, model, args.whole)
    output = model([crop for crop, _, _ in queries], bodies=False)
    answers = gallery.search(output, stream=args.stream, k=args.top)
    for path, (_, box, people), matches in zip(args.queries, queries, answers, strict=True):
        if args.json:
            rows = [
                {
                    "rank": match.rank,
                    "path": str(match.path),
                    "person": match.person,
                    "score": round(match.score, 6),
                }
                for match in matches
            ]
            print_json({"query": path, "stream": args.stream, "matches": rows} | cut_out(box, people))
            continue
        print(f"{path} ({in_words(box, people)}), by {args.stream}:")
        for match in matches:
            print(f"{match.rank:>4}  {match.score:+.3f}  {match.person or '-':<12} {match.path}")
