"""Settings every service has, from its environment; each service adds its own in `settings.py`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.messaging.kafka_address import KafkaAddress
from shared.observability.tracing import Collector
from shared.sealing.kek_vault import VaultAddress


class ServiceSettings(BaseSettings):
    """`drain_seconds`: how long requests are still answered after TERM, for whoever learns late that this replica
    leaves. `key_cache_seconds`: how long a person's key may be kept in memory; never longer than 60. `kek`: where the
    key-encryption keys are; the names of Vault's settings are those of its own tools."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)  # the error of one missing setting quotes all others

    port: int = Field(validation_alias="SEALED_PORT")
    host: str = Field(default="127.0.0.1", validation_alias="SEALED_HOST")
    drain_seconds: float = Field(default=0, ge=0, le=300, validation_alias="SEALED_DRAIN_SECONDS")
    kafka_bootstrap_servers: str = Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_username: str | None = Field(default=None, validation_alias="KAFKA_USERNAME")
    kafka_password: SecretStr | None = Field(default=None, validation_alias="KAFKA_PASSWORD")
    kafka_ca_file: Path | None = Field(default=None, validation_alias="KAFKA_CA_FILE")
    kafka_idempotence: bool = Field(default=True, validation_alias="SEALED_KAFKA_IDEMPOTENCE")
    mongodb_uri: SecretStr = Field(validation_alias="MONGODB_URI")
    keys_dir: Path = Field(validation_alias="SEALED_KEYS_DIR")
    key_cache_seconds: float = Field(default=60, le=60, ge=1, validation_alias="SEALED_KEY_CACHE_SECONDS")
    log_format: str = Field(default="json", validation_alias="SEALED_LOG_FORMAT")
    kek: Literal["files", "vault"] = Field(default="files", validation_alias="SEALED_KEK")
    vault_addr: str | None = Field(default=None, validation_alias="VAULT_ADDR")
    vault_token_file: Path | None = Field(default=None, validation_alias="VAULT_TOKEN_FILE")
    vault_mount: str = Field(default="transit", validation_alias="VAULT_TRANSIT_MOUNT")
    vault_ca_file: Path | None = Field(default=None, validation_alias="VAULT_CACERT")
    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    otlp_certificate: Path | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_CERTIFICATE")
    trace_ratio: float = Field(default=1.0, ge=0, le=1, validation_alias="OTEL_TRACES_SAMPLER_ARG")

    @property
    def collector(self) -> Collector | None:
        """None where no traces are made."""
        if not self.otlp_endpoint:
            return None
        return Collector(self.otlp_endpoint, self.otlp_certificate, self.trace_ratio)

    @property
    def kafka(self) -> KafkaAddress:
        password = self.kafka_password.get_secret_value() if self.kafka_password else None
        return KafkaAddress(self.kafka_bootstrap_servers, self.kafka_username, password, self.kafka_ca_file)

    @property
    def vault(self) -> VaultAddress | None:
        """None where the key-encryption keys are files."""
        if self.kek == "files" or self.vault_addr is None or self.vault_token_file is None:
            return None
        return VaultAddress(self.vault_addr, self.vault_token_file, self.vault_mount, self.vault_ca_file)

    @model_validator(mode="after")
    def _vault_is_named(self) -> Self:
        if self.kek == "vault" and not self.vault:
            raise ValueError("SEALED_KEK=vault needs VAULT_ADDR and VAULT_TOKEN_FILE")
        return self
