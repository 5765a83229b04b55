"""The sizing worker: `python -m services.sizing_worker`. Answers how many lots."""

from __future__ import annotations

from services.sizing_worker.configuration import CurrentConfiguration
from services.sizing_worker.handler import ACCEPTS, SizingHandler, lane_key
from services.sizing_worker.settings import SizingWorkerSettings
from shared.database.engine import connect_database
from shared.database.partitions import make_partitions
from shared.database.retention import drop_old_partitions, forget_decisions
from shared.database.tables import trade_setup_risk_logs
from shared.database.transaction import check_database, ping
from shared.health import DatabaseCheck, admin_app, serve_http
from shared.logging import configure_logging
from shared.messaging.announcer import Announcer
from shared.messaging.broadcast import BroadcastListener
from shared.messaging.consumer import Consumer
from shared.messaging.declaration import verify_names
from shared.messaging.latency_reporter import LatencyReporter
from shared.messaging.link import refuse_bad_credentials
from shared.messaging.publisher import Publisher
from shared.messaging.topology import CONFIG_CHANGED, DEAD, EVENTS, RETRY, SIZING
from shared.schemas.sizing import SizingRequest
from shared.service import instance_name, run_service, run_tasks, wait_for
from shared.settings import load
from shared.tracing import traced

SERVICE = "sizing_worker"
PARTITIONS_AHEAD_MONTHS = 2


async def main() -> None:
    """Wire, wait for what is needed, run until asked to stop."""
    settings = load(SizingWorkerSettings)
    configure_logging(settings.log_level, service=SERVICE)
    instance = instance_name(SERVICE)

    engine = connect_database(settings, application=instance, for_batches=True)
    current = CurrentConfiguration()
    publisher = Publisher(settings, name=f"{instance} publish")
    listener = BroadcastListener(
        settings, instance=instance, subscribed=lambda: current.load(engine), changed=current.hear
    )
    announcer = Announcer(
        publisher, instance=instance, service=SERVICE, version=lambda: current.version, changed=current.changed
    )
    latency = LatencyReporter(publisher, instance=instance, service=SERVICE, queue=SIZING, message=SizingRequest)
    handler = SizingHandler(engine, current, rules=settings.rules, request_s=settings.request_seconds)
    consumer = Consumer(
        settings,
        name=f"{instance} consume",
        queue=SIZING,
        accepts=ACCEPTS,
        handler=traced(handler, on=settings.tracing, queue=SIZING, service=SERVICE, instance=instance),
        publisher=publisher,
        ready=lambda: ping(engine),
        key=lane_key,
    )
    checks = {
        "consuming": lambda: consumer.consuming,
        "publishing": lambda: publisher.connected,
        "breaker": lambda: not consumer.breaker.is_open,
        "listening": lambda: listener.listening,
        "configured": lambda: current.value is not None,
    }
    admin = admin_app(checks, database=DatabaseCheck(lambda: ping(engine)))

    await wait_for("the database", lambda: check_database(engine))
    await wait_for("the broker", lambda: refuse_bad_credentials(settings))
    await wait_for(
        "the topology",
        lambda: verify_names(settings, exchanges=[CONFIG_CHANGED, RETRY, DEAD, EVENTS], queues=[SIZING]),
    )
    try:
        await run_tasks(
            {"consumer": consumer.run},
            {
                "publisher": publisher.run(),
                "broadcast": listener.run(),
                "announcer": announcer.run(),
                "latency": latency.run(),
                "reconcile": current.reconcile(engine, every_s=settings.reconcile_seconds),
                "partitions": make_partitions(engine, trade_setup_risk_logs, ahead=PARTITIONS_AHEAD_MONTHS),
                "retention of the audit": drop_old_partitions(
                    engine, trade_setup_risk_logs, days=settings.risk_log_days
                ),
                "retention of decisions": forget_decisions(engine, days=settings.decision_days),
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
