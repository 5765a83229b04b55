"""`lotwise`, or `python -m shared.cli`: the commands, put together."""

from __future__ import annotations

import sys
from collections.abc import Callable

import structlog
import typer

from shared.cli.account import account
from shared.cli.accounts import accounts
from shared.cli.config.commands import config
from shared.cli.contracts import asyncapi, schemas
from shared.cli.dead.commands import dead
from shared.cli.definitions import definitions
from shared.cli.doctor.commands import doctor
from shared.cli.explain import explain
from shared.cli.migrate import migrate
from shared.cli.notify import notify
from shared.cli.replay import replay
from shared.cli.roles import roles
from shared.cli.simulate import simulate
from shared.cli.size import size
from shared.cli.token import token
from shared.cli.topology import topology
from shared.cli.users import users
from shared.cli.watch import watch
from shared.logging import redact

app = typer.Typer(
    name="lotwise",
    help="Prepare, inspect and drive Lotwise. All settings come from the environment, each LOTWISE_…",
    epilog="Exit status: 0 done, 1 a difference was found, what was asked for is not there, or it was refused, 2 the"
    " command line is wrong, 65 the request itself is wrong, 69 broker, database or API is away, 78 a setting or the"
    " deployment is wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # which reflows the docstrings
    pretty_exceptions_enable=False,  # its tracebacks show local variables, passwords among them
)
COMMANDS: dict[Callable[..., None], str] = {
    size: "lotwise size XAUUSD buy --user user-1 --entry 1950/1945/1965 --entry 1948/1943",
    watch: "lotwise watch --kind decision --kind config",
    accounts: "lotwise accounts --user user-1 --status active",
    explain: "lotwise explain 8e3d1f0c-6c55-4e9b-9a52-0f6d3f2b7a10",
    replay: "lotwise replay --since 24h",
    simulate: "lotwise simulate --risk-percent 1.5 --since 24h",
    token: "lotwise token --user owner-1 --role owner --lifetime 3600",
    doctor: "lotwise doctor",
    topology: "lotwise topology --check",
    users: "lotwise users",
    definitions: "lotwise definitions --output definitions.json",
    roles: "lotwise roles --check",
    migrate: "lotwise migrate",
    asyncapi: "lotwise asyncapi --output asyncapi.json",
    schemas: "lotwise schemas --output schemas",
}
"""Each command with an example, which ends its help."""
for _command, _example in COMMANDS.items():
    app.command(epilog=f"Example: `{_example}`")(_command)
app.add_typer(config, name="config")
app.add_typer(dead, name="dead")
app.add_typer(account, name="account")
app.add_typer(notify, name="notify")


def main() -> None:
    """Run the command line. What a library of ours logs meanwhile goes to standard error, beside no program's data."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, redact, structlog.dev.ConsoleRenderer(colors=False)],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    app(prog_name="lotwise")


if __name__ == "__main__":
    main()
