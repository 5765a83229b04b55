"""`python -m dev.browser`: install Debian's Chromium where there is none, for the tests of the page."""

from __future__ import annotations

import shutil
import sys

from dev.packages import PackagesError, install

CHROMIUM = "chromium"
FONTS = "fonts-liberation"
"""Without any font a page shows boxes."""


def executable() -> str | None:
    """The browser's path; None where it is not installed."""
    return shutil.which(CHROMIUM)


def main() -> int:
    """Install it, saying so; returns the exit status."""
    if executable() is not None:
        return 0
    try:
        install([CHROMIUM, FONTS], purpose="the browser that the page is tested in")
    except PackagesError as failure:
        sys.stderr.write(f"Cannot get a browser: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
