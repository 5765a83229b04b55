"""What pip installs, and the image with it, carries every file that the code reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from dev.tree import ROOT

PACKAGES = ("shared", "services", "migrations")
NO_DATA = {".py", ".pyc"}


def test_the_wheel_carries_every_file_of_the_packages(tmp_path: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    build = "import setuptools.build_meta as b; b.build_wheel('dist')"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603

    (wheel,) = (tmp_path / "dist").iterdir()
    carried = set(zipfile.ZipFile(wheel).namelist())
    files = (file for name in PACKAGES for file in (tmp_path / name).rglob("*") if file.is_file())
    data = {str(file.relative_to(tmp_path)) for file in files if file.suffix not in NO_DATA}
    assert data - carried <= {"migrations/script.py.mako"}  # for who writes a migration
    assert any(name.endswith("swagger-ui-bundle.js") for name in data)
