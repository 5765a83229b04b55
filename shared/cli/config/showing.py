"""Configurations, their history and plans on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.table import Table

from shared.cli.terminal import EXIT_DIFFERENT, complain
from shared.cli.texts import safe, short_time
from shared.schemas.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.cli.config.door import Refusal

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Configuration = dict[str, Any]


def values(configuration: Configuration) -> dict[str, str]:
    """What can be set, each with its unit."""
    splits = configuration["entry_splits"]
    return {
        "risk percent": f"{configuration['fixed_risk_percent']} %",
        "entry splits": "/".join(str(splits[f"entry_{number}_percent"]) for number in (1, 2, 3)),
        "margin buffer": f"{configuration['margin_buffer_percent']} %",
    }


def changed(before: Configuration, after: Configuration) -> str:
    """What differs, as in `risk percent 3 % → 2.5 %`."""
    old, new = values(before), values(after)
    told = [f"{name} {old[name]} → {new[name]}" for name in old if old[name] != new[name]]
    return ", ".join(told) or "nothing but the reason"


def configuration_lines(configuration: Configuration) -> Iterator[str]:
    """A configuration, one value a line."""
    rows = {
        **values(configuration),
        "version": str(configuration["config_version"]),
        "made by": f"{configuration['updated_by']} at {configuration['updated_at']}",
        "reason": configuration["reason"] or "none given",
    }
    for name, value in rows.items():
        yield f"{name:<15}{safe(value)}"


def history_table(versions: Sequence[Configuration], *, limit: int) -> Table:
    """One row a version, newest first; of each what it changed, as far as the one before it is known."""
    made = _table("version", "made at", "by", "what changed", "reason")
    for number, configuration in enumerate(versions[:limit]):
        before = versions[number + 1] if number + 1 < len(versions) else None
        what = changed(before, configuration) if before else _whole(configuration)
        row = (_time(configuration["updated_at"]), configuration["updated_by"], what, configuration["reason"] or "")
        made.add_row(str(configuration["config_version"]), *(safe(cell) for cell in row))
    return made


def schedules_table(schedules: Sequence[dict[str, Any]]) -> Table:
    """One row a planned change, the last planned first."""
    made = _table("schedule", "risk percent", "from", "state", "planned by", "reason", "ended")
    for one in schedules:
        ended = f"{_time(one['ended_at'])} by {one['ended_by']}" if one["ended_at"] else ""
        row = (one["state"], one["planned_by"], one["reason"] or "", ended)
        made.add_row(
            one["schedule_id"], f"{one['new_risk_percent']} %", _time(one["effective_at"]), *(safe(c) for c in row)
        )
    return made


def refuse(refusal: Refusal, what: str) -> NoReturn:
    """Say why, one fault a line, and that nothing came of it."""
    for sentence in refusal.sentences:
        complain(f"lotwise: {refusal.code}: {safe(sentence)}; {what}")
    raise typer.Exit(EXIT_DIFFERENT)


def _whole(configuration: Configuration) -> str:
    return ", ".join(f"{name} {value}" for name, value in values(configuration).items())


def _table(*titles: str) -> Table:
    made = Table(box=None, pad_edge=False)
    for title in titles:
        made.add_column(title, overflow="fold")
    return made


def _time(text: str) -> str:
    return short_time(parse_time(text))
