"""python -m benchmarks query | load | scoring | reranking | silhouette: what this program costs, and what peers do."""

import argparse
import sys

from benchmarks import load, query, reranking, scoring, silhouette

COMMANDS = {
    "query": (query, "photo in to everything shown, and start to first page"),
    "load": (load, "the page with 1, 8 and 32 clients at once: failures, times, memory"),
    "scoring": (scoring, "CMC and mAP beside torchreid, fastreid and open-metric-learning"),
    "reranking": (reranking, "k-reciprocal re-ranking beside torchreid and fastreid"),
    "silhouette": (
        silhouette,
        "the silhouette renderer beside PyTorch3D's, and its share of a training step",
    ),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (module, summary) in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=summary, description=module.__doc__))
    args = parser.parse_args(argv)
    COMMANDS[args.command][0].main(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
