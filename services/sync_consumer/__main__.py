"""The sync consumer: `python -m services.sync_consumer`. Keeps user_mt5_accounts true."""

from __future__ import annotations

from services.sync_consumer.handler import ACCEPTS, SyncHandler, lane_key
from services.sync_consumer.settings import SyncConsumerSettings
from services.sync_consumer.upkeep import count_accounts, mark_stale_accounts
from shared.database.engine import connect_database
from shared.database.partitions import make_partitions
from shared.database.retention import drop_old_partitions
from shared.database.tables import user_mt5_sync_logs
from shared.database.transaction import check_database, ping
from shared.health import DatabaseCheck, admin_app, serve_http
from shared.logging import configure_logging
from shared.messaging.consumer import Consumer
from shared.messaging.declaration import verify_names
from shared.messaging.link import refuse_bad_credentials
from shared.messaging.publisher import Publisher
from shared.messaging.topology import ACCOUNTS, DEAD, EVENTS, RETRY
from shared.service import instance_name, run_service, run_tasks, wait_for
from shared.settings import load
from shared.tracing import traced

SERVICE = "sync_consumer"
PARTITIONS_AHEAD_DAYS = 7


async def main() -> None:
    """Wire, wait for what is needed, run until asked to stop."""
    settings = load(SyncConsumerSettings)
    configure_logging(settings.log_level, service=SERVICE)
    instance = instance_name(SERVICE)

    engine = connect_database(settings, application=instance, for_batches=True)
    handler = SyncHandler(engine, freshness_s=settings.freshness_seconds)
    publisher = Publisher(settings, name=f"{instance} publish")
    consumer = Consumer(
        settings,
        name=f"{instance} consume",
        queue=ACCOUNTS,
        accepts=ACCEPTS,
        handler=traced(handler, on=settings.tracing, queue=ACCOUNTS, service=SERVICE, instance=instance),
        publisher=publisher,
        ready=lambda: ping(engine),
        key=lane_key,
    )
    checks = {
        "consuming": lambda: consumer.consuming,
        "publishing": lambda: publisher.connected,
        "breaker": lambda: not consumer.breaker.is_open,
    }
    admin = admin_app(checks, database=DatabaseCheck(lambda: ping(engine)))

    await wait_for("the database", lambda: check_database(engine))
    await wait_for("the broker", lambda: refuse_bad_credentials(settings))
    await wait_for("the topology", lambda: verify_names(settings, exchanges=[RETRY, DEAD, EVENTS], queues=[ACCOUNTS]))
    try:
        await run_tasks(
            {"consumer": consumer.run},
            {
                "publisher": publisher.run(),
                "stale accounts": mark_stale_accounts(
                    engine, freshness_s=settings.freshness_seconds, every_s=settings.freshness_check_seconds
                ),
                "accounts by status": count_accounts(engine),
                "partitions": make_partitions(engine, user_mt5_sync_logs, ahead=PARTITIONS_AHEAD_DAYS),
                "retention of the sync log": drop_old_partitions(
                    engine, user_mt5_sync_logs, days=settings.sync_log_days
                ),
                "admin": serve_http(
                    admin, host=settings.admin_host, port=settings.admin_port, setting="LOTWISE_ADMIN_PORT"
                ),
            },
            drain_timeout_s=settings.drain_timeout_seconds,
        )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    run_service(SERVICE, main)
