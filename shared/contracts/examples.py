"""The golden examples: every message, and every variant of it, as it travels.

They are published: one is never changed or taken away, only added.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

_NAME_PARTS = 3


@cache
def all_examples() -> dict[str, dict[str, Any]]:
    """By message, such as `sizing.decision.v1`, and by variant: "" is the plain one, others such as "rejected"."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(files("shared.contracts").joinpath("examples").iterdir(), key=lambda file: file.name):
        message, variant = split_name(file.name.removesuffix(".json"))
        found.setdefault(message, {})[variant] = json.loads(file.read_bytes())
    return found


def split_name(stem: str) -> tuple[str, str]:
    """The message and the variant in the name of an example: `sizing.decision.v1.rejected`."""
    parts = stem.split(".")
    return ".".join(parts[:_NAME_PARTS]), ".".join(parts[_NAME_PARTS:])
