"""What the operator reads: help, one line for each failure, and the exit status that says which kind it was."""

from __future__ import annotations

from collections.abc import Mapping

import jwt
import pytest
import typer
from typer.testing import CliRunner, Result

from shared.cli.__main__ import app
from shared.cli.terminal import EXIT_UNAVAILABLE, clear_failures
from shared.errors import DependencyError, DeploymentError
from shared.service import EXIT_DEPLOYMENT

USAGE = 2
LOOKING_BACK = ("explain", "replay", "simulate")
DRIVING = (("size",), ("watch",), ("accounts",), ("config", "get"), ("config", "set"), ("config", "history"))
PLANNING = tuple(("config", "schedule", command) for command in ("list", "add", "cancel"))
NO_TOKEN, ISSUED = "LOTWISE_OWNER_TOKEN: is not set", "`lotwise token` issues one"
SECRET = "a secret of thirty-two characters, or more"
NO_SETTINGS: dict[str, str | None] = {
    "LOTWISE_AMQP_URL": None,
    "LOTWISE_DATABASE_URL": None,
    "LOTWISE_RABBITMQ_API_URL": None,
    "LOTWISE_SIGNAL_ENGINE_AMQP_URL": None,
    "LOTWISE_HTTP_URL": None,
    "LOTWISE_OWNER_TOKEN": None,
    "LOTWISE_USER_TOKEN": None,
    "LOTWISE_NOTIFY_URLS": None,
    "LOTWISE_JWT_SECRET": None,
    "LOTWISE_JWT_SECRET_PREVIOUS": None,
    "LOTWISE_JWT_JWKS_FILE": None,
    "LOTWISE_JWT_JWKS_URL": None,
    "LOTWISE_JWT_ISSUER": None,
    "LOTWISE_JWT_AUDIENCE": None,
    "LOTWISE_JWT_LIFETIME_MAX_SECONDS": None,
}


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Run `lotwise` with these settings and no others."""
    return CliRunner().invoke(app, list(arguments), env={**NO_SETTINGS, **(env or {})})


def test_without_a_command_every_command_is_named() -> None:
    shown = run().output
    named = ("topology", "migrate", "token", "size", "watch", "asyncapi", "schemas", *LOOKING_BACK)
    assert all(command in shown for command in named)


@pytest.mark.parametrize("command", ["topology", "users", "definitions", "roles", "migrate", "token", *LOOKING_BACK])
def test_the_help_of_a_command_names_the_settings_that_it_reads(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "LOTWISE_" in result.output


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (["topology"], "LOTWISE_AMQP_URL"),
        (["topology", "--check"], "LOTWISE_AMQP_URL"),
        (["migrate"], "LOTWISE_DATABASE_URL"),
        (["roles", "--check"], "LOTWISE_DATABASE_URL"),
        (["explain", "8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10"], "LOTWISE_DATABASE_URL"),
        (["replay"], "LOTWISE_DATABASE_URL"),
        (["simulate", "--risk-percent", "1.5"], "LOTWISE_DATABASE_URL"),
        (["dead", "list"], "LOTWISE_AMQP_URL"),
        (["dead", "replay", "--queue", "sizing", "--by", "olga"], "LOTWISE_AMQP_URL"),
        (["accounts"], "LOTWISE_DATABASE_URL"),
        (["watch"], "LOTWISE_AMQP_URL"),
        (["config", "get"], "LOTWISE_HTTP_URL"),
        (["config", "set", "--risk-percent", "2"], "LOTWISE_HTTP_URL"),
        (["config", "history"], "LOTWISE_HTTP_URL"),
        (["config", "schedule", "list"], "LOTWISE_HTTP_URL"),
        (["config", "schedule", "add", "2", "--at", "1h"], "LOTWISE_HTTP_URL"),
        (["account", "move", "1@Test-MT5", "--to", "u-2", "--reason", "sold"], "LOTWISE_DATABASE_URL"),
    ],
)
def test_a_setting_that_is_missing_is_named_on_one_line(arguments: list[str], setting: str) -> None:
    result = run(*arguments)
    assert result.exit_code == EXIT_DEPLOYMENT
    assert result.stderr == f"lotwise: {setting}: is not set, and has no default\n"
    assert result.stdout == ""


@pytest.mark.parametrize("command", [*DRIVING, *PLANNING, ("notify", "test")], ids=" ".join)
def test_the_help_of_a_command_that_drives_names_its_settings(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "LOTWISE_" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["size", "XAUUSD", "buy", "--user", "u-1", "--entry", "1950/1945"],
            "LOTWISE_SIGNAL_ENGINE_AMQP_URL: is not set, and LOTWISE_AMQP_URL, which would serve, is not either",
        ),
        (
            ["config", "get"],
            f"{NO_TOKEN}, and LOTWISE_USER_TOKEN, which would serve, is not either; {ISSUED}",
        ),
        (["config", "set", "--risk-percent", "2"], f"{NO_TOKEN}; {ISSUED}"),
        (["notify", "test"], "LOTWISE_NOTIFY_URLS: is not set; name a channel, such as tgram://TOKEN/CHAT"),
    ],
)
def test_a_setting_that_another_could_stand_for_is_named_with_what_to_do(arguments: list[str], sentence: str) -> None:
    result = run(*arguments, env={"LOTWISE_HTTP_URL": "http://127.0.0.1:9"})
    assert (result.exit_code, result.stderr, result.stdout) == (EXIT_DEPLOYMENT, f"lotwise: {sentence}\n", "")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--entry", "1950"], "--entry"),
        (["--entry", "1950/"], "--entry"),
        (["--entry", "1950/1945/1965/1970"], "--entry"),
        (["--entry", "1950/NaN"], "--entry"),
        (["--entry", "1950/-1"], "--entry"),
        (["--entry", "1950/1945"] * 4, "--entry"),
        (["--entry", "1950/1945", "--account", "1"], "--account"),
        (["--entry", "1950/1945", "--rate", "GBP/USD=1.27"], "--rate"),
        (["--entry", "1950/1945", "--rate", "GBPUSD=0"], "--rate"),
        (["--entry", "1950/1945", "--setup", " "], "--setup"),
    ],
)
def test_a_request_that_cannot_be_read_names_the_option_that_is_wrong(arguments: list[str], hint: str) -> None:
    result = run("size", "XAUUSD", "buy", "--user", "u-1", *arguments)
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert f"Invalid value for {hint}:" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "set"],
        ["config", "set", "--risk-percent", "2", "--margin-buffer", "20"],
        ["config", "set", "--entry-splits", "0.5/0.5"],
        ["config", "schedule", "add", "2", "--at", "tomorrow"],
        ["config", "schedule", "add", "2"],
        ["config", "schedule", "cancel", "the-first"],
        ["watch", "--kind", "gossip"],
        ["accounts", "--status", "fine"],
    ],
)
def test_a_command_line_that_cannot_be_read_is_a_wrong_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (USAGE, "")


def test_a_setting_that_is_empty_is_as_good_as_missing() -> None:
    result = run("migrate", env={"LOTWISE_DATABASE_URL": ""})
    assert result.stderr == "lotwise: LOTWISE_DATABASE_URL: is not set, and has no default\n"


def test_a_wrong_setting_is_named_without_its_value() -> None:
    result = run("migrate", env={"LOTWISE_DATABASE_URL": "mysql://op:hidden@db/lotwise"})
    assert result.exit_code == EXIT_DEPLOYMENT
    assert result.stderr == "lotwise: LOTWISE_DATABASE_URL: must be a URL that starts with postgresql://\n"


def test_a_dependency_that_is_away_ends_with_its_own_status() -> None:
    with pytest.raises(typer.Exit) as ended, clear_failures():
        raise DependencyError("the broker is away")
    assert ended.value.exit_code == EXIT_UNAVAILABLE


def test_a_long_failure_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), clear_failures():
        raise DeploymentError("[bold] " + "long " * 60)
    assert capsys.readouterr().err == "lotwise: [bold] " + "long " * 60 + "\n"


def test_a_token_is_written_alone_and_says_who_and_in_which_role() -> None:
    result = run("token", "--user", "owner-1", "--role", "owner", env={"LOTWISE_JWT_SECRET": SECRET})
    claims = jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"], audience="lotwise", issuer="lotwise")
    assert (claims["sub"], claims["role"]) == ("owner-1", "owner")
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_cannot_be_made_without_any_key() -> None:
    result = run("token", "--user", "owner-1", "--role", "owner")
    assert result.exit_code == EXIT_DEPLOYMENT
    assert result.stderr.startswith("lotwise: set exactly one of LOTWISE_JWT_SECRET, ")
    assert result.stdout == ""


def test_a_token_cannot_be_made_where_only_public_keys_are_known() -> None:
    result = run("token", "--user", "owner-1", "--role", "owner", env={"LOTWISE_JWT_JWKS_FILE": "/etc/jwks.json"})
    assert result.exit_code == EXIT_DEPLOYMENT
    assert "tokens are made by whoever holds the private ones" in result.stderr
    assert result.stdout == ""


def test_a_token_lives_as_long_as_asked() -> None:
    arguments = ("token", "--user", "u-17", "--role", "user", "--lifetime", "60")
    result = run(*arguments, env={"LOTWISE_JWT_SECRET": SECRET})
    claims = jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"], audience="lotwise", issuer="lotwise")
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    "wrong",
    [
        ("--user", "owner-1", "--role", "king"),
        ("--user", "owner-1", "--role", "owner", "--lifetime", "0"),
        ("--user", "owner-1", "--role", "owner", "--lifetime", "86401"),
        ("--user", " owner-1", "--role", "owner"),
        ("--role", "owner"),
    ],
)
def test_a_token_that_would_not_be_believed_is_a_wrong_usage(wrong: tuple[str, ...]) -> None:
    result = run("token", *wrong, env={"LOTWISE_JWT_SECRET": SECRET})
    assert result.exit_code == USAGE
    assert result.stdout == ""
