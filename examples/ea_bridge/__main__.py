"""`python -m examples.ea_bridge`: the command line of the bridge."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from examples.ea_bridge.bridge import Bridge, Outlet
from examples.ea_bridge.replayed_terminal import ReplayedTerminal
from examples.ea_bridge.settings import BridgeSettings, load
from examples.ea_bridge.terminal import Terminal, TerminalError, metatrader
from shared.client import DependencyError, DeploymentError, SnapshotPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.schemas.account import AccountInstruments, AccountSnapshot

log = structlog.get_logger()

HERE = Path(__file__).parent
EXIT_UNAVAILABLE, EXIT_DEPLOYMENT, EXIT_INTERRUPTED = 69, 78, 130
BROKER_PAUSE_S = 5.0
"""Between two attempts to reach a broker that is away at the start."""


class TerminalKind(StrEnum):
    """Where the figures come from."""

    METATRADER = "metatrader"
    DEMO = "demo"


class Screen:
    """Where messages go that are not published: one line of JSON each."""

    async def publish(self, snapshot: AccountSnapshot, *, timeout_s: float) -> None:
        """Print a snapshot."""
        del timeout_s
        typer.echo(f"account.snapshot.v1 {snapshot.to_json().decode()}")

    async def publish_instruments(self, instruments: AccountInstruments, *, timeout_s: float) -> None:
        """Print specs."""
        del timeout_s
        typer.echo(f"account.instruments.v1 {instruments.to_json().decode()}")


app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@app.command(
    epilog="Exit status: 0 done, 69 terminal or broker away (with --once), 78 a setting is wrong or the package is"
    " missing, 130 stopped by Ctrl-C."
)
def main(
    config: Annotated[
        Path, typer.Option(envvar="LOTWISE_EA_BRIDGE_CONFIG", help="The TOML file; see ea-bridge.toml beside this.")
    ] = Path("ea-bridge.toml"),
    terminal: Annotated[
        TerminalKind, typer.Option(help="`metatrader`: the terminal of this machine; `demo`: recorded figures.")
    ] = TerminalKind.METATRADER,
    once: Annotated[bool, typer.Option("--once", help="Look once, publish, end.")] = False,  # noqa: FBT002  # typer's
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Print the messages instead of publishing them; needs no broker.")
    ] = False,
) -> None:
    """Publish what a MetaTrader 5 terminal shows: its account every second, its symbols' specifications every minute
    where they have changed.

    Settings come from the file, or as LOTWISE_EA_BRIDGE_NAME from the environment, which goes before it; passwords and
    LOTWISE_EA_BRIDGE_AMQP_URL belong there. It runs until stopped, and goes on by itself when terminal or broker come
    back.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        settings = load(config)
        source = metatrader() if terminal is TerminalKind.METATRADER else demo_terminal()
        asyncio.run(_run(source, settings, once=once, dry_run=dry_run))
    except DeploymentError as error:
        _end(error, EXIT_DEPLOYMENT)
    except (DependencyError, TerminalError) as error:
        _end(error, EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def demo_terminal() -> ReplayedTerminal:
    """The recorded terminal of `demo_terminal.json`."""
    return ReplayedTerminal.read(HERE / "demo_terminal.json")


async def _run(terminal: Terminal, settings: BridgeSettings, *, once: bool, dry_run: bool) -> None:
    async with _screen() if dry_run else _broker(settings, wait=not once) as outlet:
        bridge = Bridge(terminal, outlet, settings)
        try:
            await (bridge.look() if once else bridge.run())
        finally:
            await bridge.close()


@asynccontextmanager
async def _screen() -> AsyncIterator[Outlet]:
    yield Screen()


@asynccontextmanager
async def _broker(settings: BridgeSettings, *, wait: bool) -> AsyncIterator[Outlet]:
    """Connected to the broker; where it is away at the start, after it came back, if we may `wait`."""
    if settings.amqp_url is None:
        raise DeploymentError("LOTWISE_EA_BRIDGE_AMQP_URL is not set: the broker, as the user ea-bridge")
    async with AsyncExitStack() as stack:
        yield await _entered(stack, settings.amqp_url.get_secret_value(), wait=wait)


async def _entered(stack: AsyncExitStack, amqp_url: str, *, wait: bool) -> SnapshotPublisher:
    while True:
        try:
            return await stack.enter_async_context(SnapshotPublisher(amqp_url, name="ea bridge"))
        except DependencyError as error:
            if not wait:
                raise
            log.warning("broker.away", cause=str(error))
            await asyncio.sleep(BROKER_PAUSE_S)


def _end(error: Exception, status: int) -> None:
    typer.echo(f"ea-bridge: {error}", err=True)
    raise typer.Exit(status) from None


if __name__ == "__main__":
    app(prog_name="python -m examples.ea_bridge")
