"""The four services as parts of the stack: each its own process, with its own secrets and nobody else's."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from deploy.local.credentials import Credentials
from deploy.local.environment import child_environment
from deploy.local.layout import Layout
from deploy.local.outside.mailbox import NAME as MAILBOX
from deploy.local.part import Part
from deploy.local.readiness import http_ready
from deploy.local.replicas import service_of
from deploy.provision.mongodb import uri_of
from shared.messaging.kafka_address import KafkaAddress

START_SECONDS = 120.0  # of several replicas at once, on a busy machine
STOP_SECONDS = 30.0  # beside the time it is told to go on answering
Rewire = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, str]]]


async def as_it_is(service: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    return environment


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service is told of the rest of the stack. The users in it are the administrators. `mailbox`: the
    controller's address, where it has a mailbox."""

    kafka: KafkaAddress
    kafka_idempotence: bool
    mongodb_uri: str
    ports: Mapping[str, int]
    key_cache_seconds: float
    drain_seconds: float
    log_format: str
    mailbox: str | None = None


def service_part(name: str, layout: Layout, credentials: Credentials, around: Surroundings) -> Part:
    """A replica of the service, `python -m services.<service>`, ready when its /health/ready says so."""
    port, service = around.ports[name], service_of(name)
    common = {
        "SEALED_PORT": str(port),
        "SEALED_DRAIN_SECONDS": str(around.drain_seconds),
        "SEALED_KEYS_DIR": str(layout.keys / service),
        "SEALED_KEY_CACHE_SECONDS": str(around.key_cache_seconds),
        "SEALED_LOG_FORMAT": around.log_format,
        "KAFKA_BOOTSTRAP_SERVERS": around.kafka.bootstrap_servers,
        "SEALED_KAFKA_IDEMPOTENCE": str(around.kafka_idempotence).lower(),
        "MONGODB_URI": uri_of(around.mongodb_uri, service, credentials.password(service)),
    }
    return Part(
        name,
        (sys.executable, "-m", f"services.{service}"),
        child_environment(
            {**common, **_kafka_user(service, credentials, around), **_own(service, layout, credentials, around)}
        ),
        http_ready(f"http://127.0.0.1:{port}/health/ready"),
        start_seconds=START_SECONDS,
        stop_seconds=around.drain_seconds + STOP_SECONDS,
    )


def _kafka_user(name: str, credentials: Credentials, around: Surroundings) -> Mapping[str, str]:
    """Where the cluster asks who speaks."""
    if around.kafka.username is None:
        return {}
    return {"KAFKA_USERNAME": name, "KAFKA_PASSWORD": credentials.kafka_password(name)}


def _own(name: str, layout: Layout, credentials: Credentials, around: Surroundings) -> Mapping[str, str]:
    """What one service gets and the others don't."""
    ports = around.ports
    smtp = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(ports["mail"])}
    sms = {"SMS_GATEWAY_URL": f"http://127.0.0.1:{ports['sms']}"}
    operator = {"SEALED_OPERATOR_TOKEN": credentials.token("operator")}
    match name:
        case "intake":
            return {**operator, **smtp, **sms, "SEALED_SHOP_TOKEN": credentials.token("shop")}
        case "delivery":
            return {**operator, "PARTNER_URL": f"http://127.0.0.1:{ports['partner']}"}
        case "notifications":
            return {**operator, **smtp, **sms}
        case "privacy":
            return {**smtp, **_imap(layout, around), "SEALED_OFFICER_TOKEN": credentials.token("officer")}
        case _:
            return {}


def _imap(layout: Layout, around: Surroundings) -> Mapping[str, str]:
    if around.mailbox is None:
        return {}
    return {
        "SEALED_IMAP_HOST": "127.0.0.1",
        "SEALED_IMAP_PORT": str(around.ports[MAILBOX]),
        "SEALED_IMAP_TLS": "none",
        "SEALED_IMAP_POLL_SECONDS": "1",
        "SEALED_IMAP_USER": around.mailbox,
        "SEALED_IMAP_PASSWORD_FILE": str(layout.secrets / f"{MAILBOX}.password"),
    }
