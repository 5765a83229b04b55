"""`lotwise asyncapi` and `lotwise schemas`: the contract for those who connect, from this release's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.terminal import clear_failures, say
from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.json_schemas import all_json_schemas
from shared.errors import DeploymentError


def asyncapi(
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Write the AsyncAPI 3.0 document: every message, who sends and receives it, where, with what, and examples.

    Asks no broker and reads no setting.
    """
    with clear_failures():
        _tell(asyncapi_document(), output)


def schemas(
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FOLDER", help="Write each into a file of its own there.")
    ] = None,
) -> None:
    """Write the JSON Schema (draft 2020-12) of every message; as one object by their names without --output.

    Asks no broker and reads no setting.
    """
    with clear_failures():
        made = all_json_schemas()
        if output is None:
            _tell(made, None)
            return
        for name, schema in made.items():
            _tell(schema, output / f"{name}.json")


def _tell(document: Any, file: Path | None) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeploymentError(f"--output: {file} cannot be written: {error.strerror}") from None
    say(f"{file} written")
