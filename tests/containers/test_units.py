"""deploy/systemd/, as systemd itself reads it; neither a running systemd nor an engine is needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dev.tree import ROOT

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".service", ".target"))
EXPOSURE_TENTHS_MAX = 15
"""Of systemd's own scale, which ends at 100; an ordinary service has 96."""


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("these tests need systemd-analyze, of the package systemd", pytrace=False)
    return subprocess.run(  # noqa: S603  # no shell, no word that is not ours
        [program, *arguments], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The units in a place of their own, as in /etc/systemd/system."""
    return Path(shutil.copytree(FOLDER, tmp_path / "system"))


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(folder: Path, unit: str) -> None:
    ended = analyze("verify", str(folder / unit))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_systemd_finds_little_that_a_service_is_exposed_to(folder: Path, unit: str) -> None:
    threshold = f"--threshold={EXPOSURE_TENTHS_MAX}"
    ended = analyze("security", "--no-pager", "--offline=true", threshold, str(folder / unit))

    assert ended.returncode == 0, ended.stdout
