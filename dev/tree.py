"""Where things lie in this checkout. Standard library only."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
RUN = Path(os.environ.get("LOTWISE_RUN_FOLDER") or ROOT / ".run").absolute()
"""Everything that a run makes; another folder lets a second stack, or a test, stand beside the first."""


def run_folder() -> Path:
    """Return `.run/`, made if need be and closed to other users' listing: it holds passwords."""
    RUN.mkdir(mode=0o711, exist_ok=True)
    return RUN


def shown(path: Path) -> str:
    """Return a path as a person in the checkout would type it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
