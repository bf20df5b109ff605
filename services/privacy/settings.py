"""Settings of the privacy service, read once in app.py."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from shared.http.settings import ServiceSettings


class PrivacySettings(ServiceSettings):
    """oidc_*: an OpenID Connect provider for the console's sign-in beside passwords, off where any is missing.
    `oidc_roles`: as JSON, value of the claim → role, for example {"privacy-officers": "officer"}."""

    officer_token: SecretStr = Field(validation_alias="SEALED_OFFICER_TOKEN")
    smtp_host: str = Field(validation_alias="SMTP_HOST")
    smtp_port: int = Field(validation_alias="SMTP_PORT")
    remind_after_seconds: float = Field(default=30, validation_alias="SEALED_REMIND_AFTER_SECONDS")
    oidc_issuer: str | None = Field(default=None, validation_alias="SEALED_OIDC_ISSUER")
    oidc_client_id: str | None = Field(default=None, validation_alias="SEALED_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr | None = Field(default=None, validation_alias="SEALED_OIDC_CLIENT_SECRET")
    oidc_role_claim: str = Field(default="roles", validation_alias="SEALED_OIDC_ROLE_CLAIM")
    oidc_roles: Mapping[str, Literal["officer", "approver"]] = Field(
        default_factory=dict, validation_alias="SEALED_OIDC_ROLES"
    )
