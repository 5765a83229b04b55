"""`lotwise`, or `python -m shared.cli`: the commands, put together."""

from __future__ import annotations

import typer

from shared.cli.account import account
from shared.cli.contracts import asyncapi, schemas
from shared.cli.dead.commands import dead
from shared.cli.definitions import definitions
from shared.cli.doctor.commands import doctor
from shared.cli.explain import explain
from shared.cli.migrate import migrate
from shared.cli.replay import replay
from shared.cli.roles import roles
from shared.cli.simulate import simulate
from shared.cli.token import token
from shared.cli.topology import topology
from shared.cli.users import users

app = typer.Typer(
    name="lotwise",
    help="Prepare and inspect what Lotwise runs on. All settings come from the environment, each LOTWISE_…",
    epilog="Exit status: 0 done, 1 a difference was found or what was asked for is not there, 69 broker or database is"
    " away, 78 a setting or the deployment is wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # which reflows the docstrings
    pretty_exceptions_enable=False,  # its tracebacks show local variables, passwords among them
)
app.command()(topology)
app.command()(users)
app.command()(definitions)
app.command()(roles)
app.command()(migrate)
app.command()(token)
app.command()(doctor)
app.command()(explain)
app.command()(replay)
app.command()(simulate)
app.command()(asyncapi)
app.command()(schemas)
app.add_typer(account, name="account")
app.add_typer(dead, name="dead")

if __name__ == "__main__":
    app(prog_name="lotwise")
