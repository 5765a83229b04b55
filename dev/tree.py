"""Where things lie in this checkout. Standard library only."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / ".run"
VENV = ROOT / ".venv"


def run_folder() -> Path:
    """Return `.run/`, made if need be and closed to other users' listing: it holds passwords."""
    RUN.mkdir(mode=0o711, exist_ok=True)
    return RUN
