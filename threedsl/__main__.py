"""python -m threedsl"""

import sys

if __name__ == "__main__":
    try:
        from threedsl.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # while modules are imported, or once more while the program ends
        print("stopped", file=sys.stderr)
        sys.exit(130)
