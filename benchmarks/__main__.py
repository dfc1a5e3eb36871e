"""python -m benchmarks query: how long a visitor waits on this machine."""

import argparse
import sys

from benchmarks import query


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    own = commands.add_parser("query", help="photo in to everything shown, and start to first page")
    query.add_arguments(own)
    query.main(parser.parse_args(argv))
    return 0


if __name__ == "__main__":
    sys.exit(main())
