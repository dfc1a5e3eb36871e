"""python -m threedsl"""

import sys

from threedsl.cli import main

if __name__ == "__main__":
    sys.exit(main())
