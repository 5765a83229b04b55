"""Documents that are checked in as they were generated: where they differ, and how to write them anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
NAMED_MAX = 20


def assert_published(file: Path, generated: Any, *, by: str) -> None:
    """Fail with each place where `file` is not what is generated, and with `by`, the command that writes it anew."""
    changed = list(differences(json.loads(file.read_text(encoding="utf-8")), generated))
    assert not changed, "\n".join(
        [f"{file.name} is not what is generated:", *changed[:NAMED_MAX], f"If that is meant, write it anew: {by}"]
    )


def differences(published: Any, generated: Any, path: str = "") -> Iterator[str]:
    """Each place that differs, by its JSON pointer."""
    if isinstance(published, dict) and isinstance(generated, dict):
        for key in [*published, *(key for key in generated if key not in published)]:
            place = f"{path}/{key}"
            if key not in generated:
                yield f"  {place} is gone"
            elif key not in published:
                yield f"  {place} is new"
            else:
                yield from differences(published[key], generated[key], place)
    elif published != generated:
        yield f"  {path} was {_short(published)} and is {_short(generated)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:99]}…"
