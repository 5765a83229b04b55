"""The image: small, not root, writes nothing, builds nothing, holds no secret."""

from __future__ import annotations

import re

import pytest

from dev.progress import say
from dev.tree import ROOT
from tests.containers.engine import EXAMPLE, docker, inspect

OWN_SIZE_MB_MAX = 180
"""Of what lies above the official image of Python. uvloop, gmpy2 and apprise are a fifth of it."""
BASE = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)[-1]
CLOSED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
BUILDERS = ("cc", "gcc", "g++", "clang", "ld", "as", "make", "rustc", "cargo")


def run(image: str, *command: str) -> str:
    return docker("run", "--rm", *CLOSED, image, *command)


def test_it_runs_as_a_number_that_is_not_root(image: str) -> None:
    assert inspect(image)["Config"]["User"] == "10001:10001"
    assert run(image, "id", "-u") == "10001"


def test_it_works_where_nothing_can_be_written_and_nothing_is_allowed(image: str) -> None:
    assert "topology" in run(image, "lotwise", "--help")


def test_no_file_in_it_may_be_written_by_its_user(image: str) -> None:
    look = (
        "find /opt /app /usr /etc /home /srv -xdev -not -type l -writable 2>/dev/null || true"  # some it cannot enter
    )

    assert docker("run", "--rm", image, "sh", "-c", look) == ""


@pytest.mark.parametrize("tool", BUILDERS)
def test_it_holds_nothing_to_build_with(image: str, tool: str) -> None:
    assert run(image, "sh", "-c", f"command -v {tool} || echo none") == "none"


def test_its_environment_has_no_installer(image: str) -> None:
    assert run(image, "sh", "-c", "ls /opt/lotwise/bin | grep -c pip || true") == "0"


def test_neither_its_history_nor_its_settings_hold_a_secret(image: str) -> None:
    told = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image) + str(inspect(image)["Config"])
    secret_names = re.findall(r"^(\w+)=$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)

    assert not [name for name in secret_names if name in told]
    assert not re.search(r"://[^/\s:]+:[^@\s]+@|eyJ[\w-]{8,}\.", told)


def test_it_says_by_itself_whether_it_is_ready(image: str) -> None:
    assert "/readyz" in str(inspect(image)["Config"]["Healthcheck"])


def test_it_is_small(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole_mb, below_mb = (inspect(name)["Size"] / 1e6 for name in (image, BASE))

    with capsys.disabled():
        say(f"\n  the image: {whole_mb:.0f} MB, of which {whole_mb - below_mb:.0f} MB lie above {BASE}")
    assert whole_mb - below_mb < OWN_SIZE_MB_MAX
