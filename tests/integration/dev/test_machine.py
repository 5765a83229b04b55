"""The line that tells on what the figures of a page were measured."""

from __future__ import annotations

import re

from dev.servers.machine import measured_on
from dev.servers.provider import Servers

MACHINE = r".+, \d+ cores, \d+ GiB; Linux [\d.]+"
VERSIONS = r"Python [\d.]+, PostgreSQL [\d.]+, RabbitMQ [\d.]+"


def test_it_tells_the_day_the_machine_and_the_versions(provided_servers: Servers) -> None:
    assert re.fullmatch(rf"Measured on \d{{4}}-\d\d-\d\d: {MACHINE}; {VERSIONS}", measured_on(provided_servers))
