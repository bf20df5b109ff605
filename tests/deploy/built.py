"""What a service is by itself, built as on a machine, with no server in reach: its groups, its key files, its settings.

The other side of the comparison: nothing here comes from the code that writes the manifests.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic_settings import BaseSettings
from typer.main import get_command

from deploy.provision import keys, rotation_job
from services.delivery.settings import DeliverySettings
from services.intake.settings import IntakeSettings
from services.notifications.settings import NotificationsSettings
from services.privacy.settings import PrivacySettings
from shared.policy.load import load_policy

POLICY: Final = load_policy()
SETTINGS: Final[dict[str, type[BaseSettings]]] = {
    "intake": IntakeSettings,
    "delivery": DeliverySettings,
    "notifications": NotificationsSettings,
    "privacy": PrivacySettings,
}
ADDRESSES: Final = {"SMTP_HOST": "nobody.invalid", "SMTP_PORT": "25", "KAFKA_BOOTSTRAP_SERVERS": "nobody.invalid:9"}
URLS: Final = {"SMS_GATEWAY_URL": "http://nobody.invalid", "PARTNER_URL": "http://nobody.invalid"}
TOKENS: Final = {f"SEALED_{role}_TOKEN": "t" * 64 for role in ("SHOP", "OPERATOR", "OFFICER")}
MONGODB: Final = {"MONGODB_URI": "mongodb://nobody.invalid"}


def variables_of(service: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names of what its settings read, and of those it does not start without."""
    fields = SETTINGS[service].model_fields.values()
    known = frozenset(str(field.validation_alias) for field in fields)
    return known, frozenset(str(field.validation_alias) for field in fields if field.is_required())


def variables_of_rotation() -> frozenset[str]:
    """Names of what the rotation's job reads."""
    command: Any = get_command(rotation_job.app)
    return frozenset(str(parameter.envvar) for parameter in command.params if parameter.envvar)


@cache
def key_files(service: str) -> frozenset[str]:
    """Paths under its key folder, as the provisioner makes them for the first epoch."""
    with TemporaryDirectory() as folder:
        keys.provision(Path(folder), POLICY)
        own = Path(folder) / service
        return frozenset(str(path.relative_to(own)) for path in own.rglob("*") if path.is_file())


@cache
def groups(service: str) -> frozenset[tuple[str, str]]:
    """(topic, consumer group) of each subscription of the built application."""
    _, brokers = _built(service)
    return frozenset(
        (topic.name, str(subscriber.group_id))
        for broker in brokers
        for subscriber in broker.subscribers
        for topic in subscriber.topics
    )


@cache
def paths(service: str) -> frozenset[str]:
    """Each path that the built application answers; of a mounted folder, where it begins."""
    application, _ = _built(service)
    return frozenset(str(route.path) for route in iter_route_contexts(application.routes))


@cache
def _built(service: str) -> tuple[FastAPI, list[Any]]:
    """The application, and the brokers that it would start."""
    module = import_module(f"services.{service}.app")
    brokers: list[Any] = []

    def kept(*args: Any, **more: Any) -> Any:
        brokers.append(made(*args, **more))
        return brokers[-1]

    made: Callable[..., Any] = module.kafka_broker
    with TemporaryDirectory() as folder, patch.object(module, "kafka_broker", kept):
        keys.provision(Path(folder), POLICY)
        application = _build(module.build, service, {"SEALED_KEYS_DIR": f"{folder}/{service}", "SEALED_PORT": "1"})
    return application, brokers


def _build(build: Callable[[BaseSettings], FastAPI], service: str, own: Mapping[str, str]) -> FastAPI:
    known, _ = variables_of(service)
    told = {**ADDRESSES, **URLS, **TOKENS, **MONGODB, **own}
    return build(SETTINGS[service](**{name: value for name, value in told.items() if name in known}))
