"""What every command says and how it ends: facts on standard output, one line of failure on standard error."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from shared.client.persistence import NoReplyError
from shared.errors import DependencyError, DeploymentError
from shared.service import EXIT_DEPLOYMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_DIFFERENT = 1
EXIT_WRONG_REQUEST = 65  # EX_DATAERR: what was asked for is wrong in itself
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: the broker or the database is away, try again

TABLE_WIDTH = 140
"""Characters; without a terminal rich would squeeze a table into 80."""

# What a line says must survive a pipe: no wrapping at a width that nobody sees, no colour codes, no markup in names.
_out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
_err = Console(soft_wrap=True, highlight=False, markup=False, emoji=False, stderr=True)


def say(line: str) -> None:
    """Write one line to standard output."""
    _out.print(line)


def say_marked(word: str, colour: str, rest: str) -> None:
    """Write one line that begins with `word`, which is coloured on a terminal and nowhere else."""
    _out.print(Text.assemble((word, colour), rest))


def say_json(document: Any) -> None:
    """Write a document for programs to standard output."""
    say(json.dumps(document, indent=2, ensure_ascii=False))


def complain(line: str) -> None:
    """Write one line to standard error."""
    _err.print(line)


def show(table: RenderableType) -> None:
    """Write a table to standard output, whole, however narrow the terminal."""
    Console(width=TABLE_WIDTH, highlight=False, markup=False, emoji=False).print(table)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is changed, unless `yes`.

    Raises typer.Abort on a no, typer.BadParameter where there is no terminal to ask at.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask at; say --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


def error_console() -> Console:
    """Where progress is shown."""
    return _err


@contextmanager
def clear_failures() -> Iterator[None]:
    """End the command with one line and its own status for what an operator can mend; a bug keeps its traceback."""
    logging.getLogger().addHandler(logging.NullHandler())  # else a driver's warnings stand beside our line
    try:
        yield
    except DeploymentError as error:
        complain(f"lotwise: {error}")
        raise typer.Exit(EXIT_DEPLOYMENT) from None
    except NoReplyError as error:  # which says how to try again
        complain(f"lotwise: {error}")
        raise typer.Exit(EXIT_UNAVAILABLE) from None
    except DependencyError as error:
        complain(f"lotwise: {error}; try again")
        raise typer.Exit(EXIT_UNAVAILABLE) from None
