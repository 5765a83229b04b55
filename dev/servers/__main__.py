"""`python -m dev.servers`: install what private servers need, ahead of the tests."""

import sys

from dev.servers.provider import main

sys.exit(main())
