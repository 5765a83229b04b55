"""`lotwise asyncapi` and `lotwise schemas` write what those who connect build on, with no setting at all."""

from __future__ import annotations

import json
from pathlib import Path

from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.json_schemas import all_json_schemas
from shared.schemas.decoding import SCHEMAS
from shared.service import EXIT_DEPLOYMENT
from tests.unit.cli.test_commands import run


def test_the_asyncapi_document_goes_to_standard_output() -> None:
    assert json.loads(run("asyncapi").stdout) == asyncapi_document()


def test_the_asyncapi_document_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "asyncapi.json"

    result = run("asyncapi", "--output", str(file))

    assert json.loads(file.read_text()) == asyncapi_document()
    assert result.stdout == f"{file} written\n"


def test_the_schemas_go_to_standard_output_by_their_names() -> None:
    assert json.loads(run("schemas").stdout) == all_json_schemas()


def test_each_schema_goes_into_a_file_of_its_own(tmp_path: Path) -> None:
    run("schemas", "--output", str(tmp_path / "schemas"))

    written = {file.name: json.loads(file.read_text()) for file in (tmp_path / "schemas").iterdir()}
    assert written == {f"{name}.json": schema for name, schema in all_json_schemas().items()}
    assert len(written) == len(SCHEMAS)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = run("schemas", "--output", str(tmp_path / "file"))

    assert result.exit_code == EXIT_DEPLOYMENT
    assert result.stderr.startswith(f"lotwise: --output: {tmp_path / 'file'}")
