"""Minutes of steady traffic, in which nothing that a process holds may grow."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

from dev.servers.machine import measured_on
from dev.stack.processes import ServiceProcess
from tests.faults.footprint import Footprint, Trend, footprint, trend
from tests.faults.system import System, under_traffic

SAMPLE_EVERY_S = 5.0
WARM_UP_S = 60.0
"""Pools fill and caches come to their size in the first minute."""
MEMORY_RISE_MAX = 0.05
"""Of the resident memory, by a straight line through all samples after the warm-up."""
DESCRIPTORS_RISE_MAX = 2.0
MIB = 1024 * 1024
HEADER = """\
# The long run

Two sizing workers, two sync consumers and one config service under steady traffic: {requests} requests and {snapshots}
snapshots in {duration_s:.0f} s. Memory and file descriptors were sampled every {every_s:g} s from /proc, after a first
minute of warm-up; *rise* is that of a straight line through the samples, from the first to the last. `make soak` writes
this page anew.

{measured_on}.

Lost {lost}, duplicated {duplicated}, unexpected {unexpected}.

| process | resident, MiB | rise, MiB | rise | file descriptors | rise |
| --- | ---: | ---: | ---: | ---: | ---: |
"""


class Watch:
    """The samples of every process, since it began."""

    def __init__(self, processes: list[ServiceProcess]) -> None:
        self._processes = processes
        self._began = time.monotonic()
        self.samples: dict[str, list[Footprint]] = {process.name: [] for process in processes}

    async def sample(self) -> None:
        """Note every process once, and read its metrics as a scraper does."""
        at_s = time.monotonic() - self._began
        async with httpx.AsyncClient(trust_env=False) as client:
            for process in self._processes:
                (await client.get(f"{process.admin_url}/metrics")).raise_for_status()
                self.samples[process.name].append(footprint(process.pid, at_s=at_s))

    async def go_on(self, bound_s: float) -> None:
        """Sample until the time is up."""
        while time.monotonic() - self._began < bound_s:
            await self.sample()
            await asyncio.sleep(SAMPLE_EVERY_S)  # between two samples

    def memory(self, name: str) -> Trend:
        """Of a process's resident memory, in bytes."""
        warm = self._warm(name)
        return trend([one.at_s for one in warm], [one.rss_bytes for one in warm])

    def descriptors(self, name: str) -> Trend:
        """Of how many files a process holds open."""
        warm = self._warm(name)
        return trend([one.at_s for one in warm], [one.descriptors for one in warm])

    def _warm(self, name: str) -> list[Footprint]:
        return [one for one in self.samples[name] if one.at_s >= WARM_UP_S]

    def rows(self) -> str:
        """A line of the table for each process."""
        return "".join(
            f"| {name} | {memory.mean / MIB:.1f} | {memory.rise / MIB:+.2f} | {memory.share:+.2%}"
            f" | {files.mean:.1f} | {files.rise:+.2f} |\n"
            for name, memory, files in ((name, self.memory(name), self.descriptors(name)) for name in self.samples)
        )


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_under_steady_traffic_memory_and_descriptors_stay_flat(
    guest: System, pytestconfig: pytest.Config
) -> None:
    bound_s = WARM_UP_S + pytestconfig.getoption("--soak-s")
    await asyncio.to_thread(guest.launch_all)
    async with under_traffic(guest) as traffic:
        watch = Watch(guest.services)
        await watch.go_on(bound_s)
    counts = await guest.counts(traffic)
    page = HEADER.format(
        requests=len(traffic.requests),
        snapshots=len(traffic.snapshots),
        duration_s=bound_s,
        every_s=SAMPLE_EVERY_S,
        measured_on=measured_on(guest.workspace.servers),
        **asdict(counts),
    )
    page += watch.rows()
    print(page)  # noqa: T201 - shown where the test fails
    _write(page, pytestconfig.getoption("--soak-page"))
    assert counts.is_clean
    for name in watch.samples:
        assert watch.memory(name).share < MEMORY_RISE_MAX
        assert watch.descriptors(name).rise < DESCRIPTORS_RISE_MAX


def _write(page: str, file: Path | None) -> None:
    if file:
        file.write_text(page, encoding="utf-8")
