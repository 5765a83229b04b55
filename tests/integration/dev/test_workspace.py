"""A place of a test's own is whole, and goes with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dev.servers.databases import DatabaseError, check_server
from dev.servers.management import Management
from shared.messaging.topology import QUEUES, ROLES

if TYPE_CHECKING:
    from dev.stack.workspace import Workspace


def test_a_test_s_own_vhost_has_the_whole_topology_and_a_user_for_each_role(session_workspace: Workspace) -> None:
    with session_workspace.new_virtual_host() as host, Management(session_workspace.rabbitmq_api_url) as management:
        queues = management.export(host.name)["queues"]
        users = management.users()

    assert {queue["name"] for queue in queues} == {queue.name for queue in QUEUES}
    assert host.role_urls.keys() == {role.name for role in ROLES}
    assert {urlsplit(url).username for url in host.role_urls.values()} <= users


def test_a_test_s_own_vhost_and_database_go_with_it(session_workspace: Workspace) -> None:
    with session_workspace.new_virtual_host() as host, session_workspace.new_database() as url:
        check_server(url)

    with Management(session_workspace.rabbitmq_api_url) as management:
        assert host.name not in management.vhosts()
    with pytest.raises(DatabaseError, match="does not exist"):
        check_server(url)
