"""`python -m spadework`: the command line."""

import sys

from spadework.cli import main

sys.exit(main())
