"""`python -m tests.fuzz TARGET [OPTIONS]`: fuzzing by coverage; OPTIONS are libFuzzer's, such as `-max_total_time=60`.

Needs the dependency group `fuzz`. Beginning with the corpus, what finds new branches is kept in `.run/fuzz/TARGET`;
what fails is written into the working directory and can be given again as the last argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

from dev.tree import run_folder

with atheris.instrument_imports(include=["shared"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.corpus import BODIES, GOOD, PROPERTIES


def seeds(target: str) -> Path:
    """The folder of the corpus, with its seeds."""
    folder = run_folder() / "fuzz" / target
    folder.mkdir(parents=True, exist_ok=True)
    bodies = [*BODIES.values(), *GOOD.values()]
    delivered = [len(one).to_bytes(2, "big") + one + GOOD["a request"] for one in PROPERTIES.values()]
    for number, seed in enumerate({"decode": bodies, "properties": [*PROPERTIES.values()]}.get(target, delivered)):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


def main() -> None:
    """Read the command line, then fuzz until told otherwise."""
    _, target, *options = sys.argv
    given = any(not option.startswith("-") for option in options)
    atheris.Setup(
        [sys.argv[0], *options, *([] if given else [str(seeds(target))])],
        lambda data: void(TARGETS[target](data)),
    )
    atheris.Fuzz()


def void(_: object) -> None:
    """libFuzzer takes no answer."""


if __name__ == "__main__":
    main()
