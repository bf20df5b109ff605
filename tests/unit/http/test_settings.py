"""Where the key-encryption keys are is said in full or refused at the start; traces are off unless they are wanted."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.bench import commands
from deploy.sizing import measure
from shared.http.settings import ServiceSettings
from shared.observability.tracing import Collector
from shared.sealing.kek_files import KekFiles
from shared.sealing.kek_provider import kek_provider
from shared.sealing.kek_vault import KekVault, VaultAddress

REQUIRED = {"SEALED_PORT": 1, "KAFKA_BOOTSTRAP_SERVERS": "k", "MONGODB_URI": "mongodb://h/", "SEALED_KEYS_DIR": "keys"}
VAULT = {"SEALED_KEK": "vault", "VAULT_ADDR": "http://127.0.0.1:8200", "VAULT_TOKEN_FILE": "token"}


def settings(**given: Any) -> ServiceSettings:
    return ServiceSettings.model_validate({**REQUIRED, **given})


def test_files_are_the_default_even_where_vault_is_known() -> None:
    assert settings().vault is None
    assert settings(**{**VAULT, "SEALED_KEK": "files"}).vault is None
    assert isinstance(kek_provider("delivery", Path("keys"), None), KekFiles)


def test_vault_is_used_where_it_is_named() -> None:
    address = settings(**VAULT).vault
    assert address == VaultAddress("http://127.0.0.1:8200", Path("token"))
    assert isinstance(kek_provider("delivery", Path("keys"), address), KekVault)


@pytest.mark.parametrize("missing", ["VAULT_ADDR", "VAULT_TOKEN_FILE"])
def test_vault_without_address_or_token_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError, match="needs VAULT_ADDR and VAULT_TOKEN_FILE"):
        settings(**{name: value for name, value in VAULT.items() if name != missing})


@pytest.mark.parametrize("seconds", [commands.KEY_CACHE_SECONDS, measure.CACHE_SECONDS])
def test_what_the_benchmark_and_the_sizing_ask_for_is_taken(seconds: float) -> None:
    assert settings(SEALED_KEY_CACHE_SECONDS=seconds).key_cache_seconds == seconds


@pytest.mark.parametrize("seconds", [0, 0.5, 61])
def test_key_cache_has_its_bounds(seconds: float) -> None:
    with pytest.raises(ValidationError):
        settings(SEALED_KEY_CACHE_SECONDS=seconds)


def test_without_a_collector_there_are_no_traces() -> None:
    assert settings().collector is None
    assert settings(OTEL_EXPORTER_OTLP_ENDPOINT="", OTEL_TRACES_SAMPLER_ARG=1).collector is None


def test_a_collector_is_known_with_its_authority_and_its_share() -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_CERTIFICATE": "ca.pem"}
    assert settings(**named).collector == Collector("https://c", Path("ca.pem"), 1.0)
    assert settings(**named, OTEL_TRACES_SAMPLER_ARG="0.1").collector == Collector("https://c", Path("ca.pem"), 0.1)
