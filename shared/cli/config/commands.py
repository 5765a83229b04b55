"""`lotwise config get`, `set` and `history`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from shared.cli.config.door import BUFFER, CONFIG, HISTORY, SPLITS, Door, Refusal
from shared.cli.config.schedule import schedule
from shared.cli.config.showing import AsJson, changed, configuration_lines, history_table, refuse
from shared.cli.terminal import clear_failures, confirm, say, say_json, show

PAGE_MAX = 200

config = typer.Typer(help="See the risk dial, turn it, plan a turn, through the HTTP API.", no_args_is_help=True)
config.add_typer(schedule, name="schedule")

Reason = Annotated[str | None, typer.Option(help="Why; kept with the change.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@config.command("get", epilog="Example: `lotwise config get`")
def get(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer's way to declare a flag
    """Show the configuration in force, who made it, when and why.

    Reads LOTWISE_HTTP_URL, and LOTWISE_OWNER_TOKEN or LOTWISE_USER_TOKEN.
    """
    with clear_failures(), Door(owner=False) as door:
        configuration = door.read(CONFIG)
        if as_json:
            say_json(configuration)
            return
        for line in configuration_lines(configuration):
            say(line)


@config.command("set", epilog='Example: `lotwise config set --risk-percent 2.5 --reason "NFP" --yes`')
def set_(
    risk_percent: Annotated[
        str | None, typer.Option(help="The share of a balance that one setup may lose: 2.5.")
    ] = None,
    entry_splits: Annotated[
        str | None, typer.Option(help="How the budget is split, fractions that sum to 1: 0.5/0.35/0.15.")
    ] = None,
    margin_buffer: Annotated[
        str | None, typer.Option(help="The share of free margin, in percent, that no setup may use: 20.")
    ] = None,
    reason: Reason = None,
    expected_version: Annotated[
        int | None, typer.Option(min=1, help="Change this version only; the one that is shown, if left out.")
    ] = None,
    yes: Yes = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Change one of the three values, after showing what it is now and asking.

    What somebody else changes in between is never overwritten: then nothing is changed, and the exit status is 1, as
    for whatever else is refused. Once it is done, no request sent afterwards is decided under the old value. Reads
    LOTWISE_HTTP_URL and LOTWISE_OWNER_TOKEN.
    """
    path, wanted = _wanted(risk_percent, entry_splits, margin_buffer)
    with clear_failures(), Door(owner=True) as door:
        before = door.read(CONFIG)
        confirm(f"Change {changed(before, before | wanted)}?", yes=yes)
        version = expected_version or int(before["config_version"])
        answer = door.change("POST", path, _body(wanted, reason), expected_version=version)
        if isinstance(answer, Refusal):
            refuse(answer, "nothing was changed")
        after = _after(before, answer, reason)
        if as_json:
            say_json({"before": before, "after": after})
        else:
            who = f"by {after['updated_by']} at {after['updated_at']}"
            say(f"{changed(before, after)}: configuration {after['config_version']}, {who}")


@config.command("history", epilog="Example: `lotwise config history --limit 10`")
def history(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 20,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the versions of the configuration: what each changed, who made it, when and why.

    Reads LOTWISE_HTTP_URL, and LOTWISE_OWNER_TOKEN or LOTWISE_USER_TOKEN.
    """
    with clear_failures(), Door(owner=False) as door:
        # One more, to tell what the last one changed.
        versions = _versions(door, limit + 1)
        if as_json:
            say_json(versions[:limit])
        else:
            show(history_table(versions, limit=limit))


def _versions(door: Door, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before: int | None = None
    while len(found) < count:
        page = door.read(HISTORY, limit=min(count - len(found), PAGE_MAX), before_version=before)
        found += page["items"]
        before = page["next_before_version"]
        if before is None:
            break
    return found


def _wanted(risk: str | None, splits: str | None, buffer: str | None) -> tuple[str, dict[str, Any]]:
    """The path of the API, and the fields of the configuration. Raises typer.BadParameter."""
    if sum(value is not None for value in (risk, splits, buffer)) != 1:
        message = "give exactly one of --risk-percent, --entry-splits, --margin-buffer: each change is one version"
        raise typer.BadParameter(message)
    if splits is not None:
        parts = splits.split("/")
        if len(parts) != 3 or not all(parts):
            raise typer.BadParameter(
                "must be three fractions that sum to 1: 0.5/0.35/0.15", param_hint="--entry-splits"
            )
        return SPLITS, {"entry_splits": {f"entry_{number}_percent": part for number, part in enumerate(parts, start=1)}}
    if risk is not None:
        return CONFIG, {"fixed_risk_percent": risk}
    return BUFFER, {"margin_buffer_percent": buffer}


def _after(before: dict[str, Any], answer: dict[str, Any], reason: str | None) -> dict[str, Any]:
    """The configuration that a change made of the one before it; to a new percent the API answers with less."""
    if "new_risk_percent" not in answer:
        return answer
    made = {name: answer[name] for name in ("config_version", "updated_at", "updated_by")}
    return {**before, **made, "fixed_risk_percent": answer["new_risk_percent"], "reason": reason}


def _body(wanted: dict[str, Any], reason: str | None) -> dict[str, Any]:
    """What the API is sent: there the risk percent has a name of its own."""
    renamed = {"new_risk_percent" if name == "fixed_risk_percent" else name: value for name, value in wanted.items()}
    return {**renamed, "reason": reason}
