"""docs/cli.md shows every command with an example, each help ends with one, and every one of them can be read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from shared.cli.__main__ import app

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SHOWN = re.findall(
    r"^(?:LOTWISE_\w+=\S+ )?(lotwise .+)$", "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)), re.MULTILINE
)


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that lead to it."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def leaf(line: str) -> tuple[tuple[str, ...], list[str]]:
    """The command that a line runs, and its arguments."""
    words = shlex.split(line)[1:]
    (path,) = [path for path in COMMANDS if tuple(words[: len(path)]) == path]
    return path, words[len(path) :]


def example_of(path: tuple[str, ...]) -> str:
    """The example at the end of a command's help, as it stands there on one line."""
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    return " ".join(shown.partition("Example: ")[2].split())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_page_has_a_section_and_an_example_of_the_command(path: tuple[str, ...]) -> None:
    assert f"\n### lotwise {' '.join(path)}\n" in PAGE
    assert path in {leaf(line)[0] for line in SHOWN}


@pytest.mark.parametrize("line", SHOWN)
def test_an_example_of_the_page_is_a_command_line_that_can_be_read(line: str) -> None:
    path, arguments = leaf(line)
    COMMANDS[path].make_context(path[-1], arguments)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_ends_with_an_example_that_can_be_read(path: tuple[str, ...]) -> None:
    shown, arguments = leaf(example_of(path))
    assert shown == path
    COMMANDS[path].make_context(path[-1], arguments)


def test_the_page_has_no_section_of_a_command_that_is_not_there() -> None:
    sections = {tuple(section.split()) for section in re.findall(r"^### lotwise (.+)$", PAGE, re.MULTILINE)}
    assert sections == set(COMMANDS)
