"""Settings every service has, from its environment; each service adds its own in `settings.py`."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """`key_cache_seconds`: how long a person's key may be kept in memory; never longer than 60."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)  # the error of one missing setting quotes all others

    port: int = Field(validation_alias="SEALED_PORT")
    host: str = Field(default="127.0.0.1", validation_alias="SEALED_HOST")
    kafka_bootstrap_servers: str = Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_idempotence: bool = Field(default=True, validation_alias="SEALED_KAFKA_IDEMPOTENCE")
    mongodb_uri: SecretStr = Field(validation_alias="MONGODB_URI")
    keys_dir: Path = Field(validation_alias="SEALED_KEYS_DIR")
    key_cache_seconds: float = Field(default=60, le=60, gt=0, validation_alias="SEALED_KEY_CACHE_SECONDS")
    log_format: str = Field(default="json", validation_alias="SEALED_LOG_FORMAT")
