"""The config service: `python -m services.config_service`. Turns the dial, for the owner only."""

from __future__ import annotations

from services.config_service.changes import Changes
from services.config_service.clock import ScheduleClock
from services.config_service.documents.routes import document_routes
from services.config_service.handler import ACCEPTS, CommandHandler
from services.config_service.http.accounts import account_routes
from services.config_service.http.app import config_app
from services.config_service.http.configuration import configuration_routes
from services.config_service.http.decision_stream import decision_stream_routes, decision_tail
from services.config_service.http.decisions import decision_routes
from services.config_service.http.explanations import explanation_routes
from services.config_service.http.health import health_routes
from services.config_service.http.overview import overview_routes
from services.config_service.http.page import page_routes
from services.config_service.http.schedules import schedule_routes
from services.config_service.http.simulation import simulation_routes
from services.config_service.http.stream import stream_routes
from services.config_service.http.streaming import STRANGERS_MAX, Streams
from services.config_service.http.throttle import Throttle
from services.config_service.http.workers import worker_routes
from services.config_service.notifications.wiring import Notifications
from services.config_service.overview import OverviewReading
from services.config_service.proofs import Proofs
from services.config_service.reading import Reading
from services.config_service.relay import Relay
from services.config_service.settings import ConfigServiceSettings
from services.config_service.subscribers import Subscribers
from services.config_service.timeline import Timeline
from services.config_service.workers import Workers
from shared.database.engine import connect_database
from shared.database.transaction import check_database, ping
from shared.health import DatabaseCheck, admin_app, serve_http
from shared.logging import configure_logging
from shared.messaging.announcer import Announcer
from shared.messaging.broadcast import BroadcastListener
from shared.messaging.consumer import Consumer
from shared.messaging.declaration import verify_names
from shared.messaging.link import refuse_bad_credentials
from shared.messaging.parked_counts import ParkedCounts
from shared.messaging.publisher import Publisher
from shared.messaging.topology import CONFIG, CONFIG_CHANGED, DEAD, EVENTS
from shared.service import instance_name, run_service, run_tasks, wait_for
from shared.settings import load
from shared.tokens import TokenVerifier
from shared.tracing import traced

SERVICE = "config_service"


async def main() -> None:
    """Wire, wait for what is needed, run until asked to stop."""
    settings = load(ConfigServiceSettings)
    configure_logging(settings.log_level, service=SERVICE)
    instance = instance_name(SERVICE)

    engine = connect_database(settings, application=instance)
    tokens = TokenVerifier(settings)
    reading_engine = connect_database(settings.for_reading(), application=f"{instance} reading", pool="reading")
    reading, proofs = Reading(reading_engine), Proofs(reading_engine)
    changes = Changes(engine, command_s=settings.command_seconds, timeout_s=settings.apply_timeout_s)
    publisher = Publisher(settings, name=f"{instance} publish")
    relay = Relay(engine, publisher, wake=changes.committed)
    workers = Workers(changes)
    workers.export()
    announcer = Announcer(
        publisher, instance=instance, service=SERVICE, version=lambda: changes.latest_version, changed=changes.watch()
    )
    listener = BroadcastListener(
        settings,
        instance=instance,
        subscribed=changes.refresh,
        changed=changes.hear,
        announced=workers.hear,
        measured=workers.measure,
    )
    parked = ParkedCounts(settings, instance=instance)
    subscribers = Subscribers(most=settings.stream_clients_max)
    timeline = Timeline(changes, subscribers)
    tail = decision_tail(reading, most=settings.stream_clients_max)
    throttle = Throttle(
        writes_per_minute=settings.http_writes_per_minute,
        reads_per_minute=settings.http_reads_per_minute,
        auth_failures_per_minute=settings.http_auth_failures_per_minute,
    )
    streams = Streams(tokens=tokens, throttle=throttle)
    clock = ScheduleClock(changes, publisher, grace_s=settings.schedule_grace_seconds)
    notifications = Notifications.of(settings, changes, workers, parked, instance=instance)
    handler = CommandHandler(changes, tokens=tokens)
    consumer = Consumer(
        settings.one_at_a_time(),
        name=f"{instance} consume",
        queue=CONFIG,
        accepts=ACCEPTS,
        handler=traced(handler, on=settings.tracing, queue=CONFIG, service=SERVICE, instance=instance),
        publisher=publisher,
        ready=changes.always_ready,
    )
    checks = {
        "consuming": lambda: consumer.consuming,
        "publishing": lambda: publisher.connected,
        "breaker": lambda: not consumer.breaker.is_open,
        "listening": lambda: listener.listening,
    }
    admin = admin_app(checks, database=DatabaseCheck(lambda: ping(engine)))
    api = config_app(
        configuration_routes(changes),
        schedule_routes(changes),
        worker_routes(changes, workers),
        stream_routes(changes, subscribers, streams=streams),
        account_routes(reading),
        decision_routes(reading),
        decision_stream_routes(tail, streams=streams),
        document_routes(),
        explanation_routes(proofs),
        simulation_routes(proofs),
        overview_routes(OverviewReading(reading_engine), workers, parked),
        page_routes(),
        health_routes(
            changes,
            broker_up=lambda: consumer.consuming and publisher.connected,
            database=DatabaseCheck(changes.refresh),
        ),
        tokens=tokens,
        throttle=throttle,
    )

    await wait_for("the keys of tokens", tokens.load)
    await wait_for("the database", lambda: check_database(engine))
    await wait_for("the broker", lambda: refuse_bad_credentials(settings))
    await wait_for(
        "the topology", lambda: verify_names(settings, exchanges=[CONFIG_CHANGED, DEAD, EVENTS], queues=[CONFIG])
    )
    try:
        await run_tasks(
            {"consumer": consumer.run, **(notifications.workers() if notifications else {})},
            {
                "publisher": publisher.run(),
                "relay": relay.run(),
                "broadcast": listener.run(),
                "announcer": announcer.run(),
                "parked counts": parked.run(),
                "timeline": timeline.run(),
                "tail of decisions": tail.run(),
                "schedules": clock.run(),
                "keys of tokens": tokens.keep_fresh(),
                **(notifications.background() if notifications else {}),
                "http": serve_http(
                    api,
                    host=settings.http_host,
                    port=settings.http_port,
                    setting="LOTWISE_HTTP_PORT",
                    trusted_proxies=settings.http_trusted_proxies,
                    websockets_max=2 * settings.stream_clients_max + STRANGERS_MAX,
                ),
                "admin": serve_http(
                    admin, host=settings.admin_host, port=settings.admin_port, setting="LOTWISE_ADMIN_PORT"
                ),
            },
            drain_timeout_s=settings.drain_timeout_seconds,
        )
    finally:
        if notifications:
            await notifications.close()
        await reading_engine.dispose()
        await engine.dispose()


if __name__ == "__main__":
    run_service(SERVICE, main)
