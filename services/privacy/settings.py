"""Settings of the privacy service, read once in app.py."""

from pydantic import Field, SecretStr

from shared.http.settings import ServiceSettings


class PrivacySettings(ServiceSettings):
    officer_token: SecretStr = Field(validation_alias="SEALED_OFFICER_TOKEN")
    smtp_host: str = Field(validation_alias="SMTP_HOST")
    smtp_port: int = Field(validation_alias="SMTP_PORT")
    remind_after_seconds: float = Field(default=30, validation_alias="SEALED_REMIND_AFTER_SECONDS")
