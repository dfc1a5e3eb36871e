"""python -m benchmarks COMMAND: cost and accuracy of this program and of its peers."""

import argparse
import sys

from benchmarks import embedding, load, query, reranking, scoring, silhouette
from benchmarks.bodies import command as bodies
from benchmarks.galleries import command as gallery
from benchmarks.growth import command as growth
from benchmarks.photos import command as photos
from benchmarks.results import command as results
from benchmarks.trainer import step, synthesis
from threedsl.errors import InputError

COMMANDS = {
    "query": (query, "photo in to everything shown, and start to first page"),
    "load": (load, "the page with 1, 8 and 32 clients at once: failures, times, memory"),
    "embedding": (embedding, "the network, eager and exported, compared with torchreid's OSNet x1.0"),
    "photos": (photos, "people found in photos, compared with OpenCV's HOG"),
    "bodies": (bodies, "bodies before and after the fit to keypoints: held-out joints, and the truth"),
    "scoring": (scoring, "CMC and mAP, compared with torchreid, fastreid and open-metric-learning"),
    "gallery": (
        gallery,
        "galleries of 10^4 to 10^6: build, memory, latency and recall of every kind of index",
    ),
    "growth": (growth, "how time and memory grow with gallery, batch and photo size; an estimate for 10^8"),
    "reranking": (reranking, "k-reciprocal re-ranking, compared with torchreid and fastreid"),
    "results": (results, "docs/results.md from the records of every figure"),
    "silhouette": (
        silhouette,
        "the silhouette renderer compared with PyTorch3D's, and its share of a training step",
    ),
    "synthesis": (synthesis, "synthetic people a second"),
    "training": (step, "a training step compared with a bare one of the same two trunks"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (module, summary) in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=summary, description=module.__doc__))
    args = parser.parse_args(argv)
    try:
        COMMANDS[args.command][0].main(args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
