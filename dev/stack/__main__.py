"""`python -m dev.stack up|down`."""

import sys

from dev.stack.stack import main

sys.exit(main())
