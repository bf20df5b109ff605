"""Settings of the privacy service, read once in app.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from services.privacy.mailbox.imap_mailbox import ImapAddress
from shared.http.settings import ServiceSettings


class PrivacySettings(ServiceSettings):
    """oidc_*: an OpenID Connect provider for the console's sign-in beside passwords, off where any is missing.
    `oidc_roles`: as JSON, value of the claim → role, for example {"privacy-officers": "officer"}.
    imap_*: the mailbox that written applications come to, off where host, user or password is missing.
    `imap_authserv_id`: the name under which its server vouches for senders; without it every sender is believed."""

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
    imap_host: str | None = Field(default=None, validation_alias="SEALED_IMAP_HOST")
    imap_port: int = Field(default=993, validation_alias="SEALED_IMAP_PORT")
    imap_tls: Literal["implicit", "starttls", "none"] = Field(default="implicit", validation_alias="SEALED_IMAP_TLS")
    imap_ca_file: Path | None = Field(default=None, validation_alias="SEALED_IMAP_CA_FILE")
    imap_user: str | None = Field(default=None, validation_alias="SEALED_IMAP_USER")
    imap_password_file: Path | None = Field(default=None, validation_alias="SEALED_IMAP_PASSWORD_FILE")
    imap_authserv_id: str | None = Field(default=None, validation_alias="SEALED_IMAP_AUTHSERV_ID")
    imap_poll_seconds: float = Field(default=20, gt=0, validation_alias="SEALED_IMAP_POLL_SECONDS")

    @property
    def imap(self) -> ImapAddress | None:
        """None: there is no mailbox."""
        if self.imap_host is None or self.imap_user is None or self.imap_password_file is None:
            return None
        return ImapAddress(
            self.imap_host,
            self.imap_port,
            self.imap_user,
            self.imap_password_file,
            self.imap_tls,
            self.imap_ca_file,
            self.imap_authserv_id,
        )

    @model_validator(mode="after")
    def _mails_are_read_in_secret(self) -> Self:
        if self.imap_tls == "none" and self.imap_host not in (None, "127.0.0.1", "::1", "localhost"):
            raise ValueError("SEALED_IMAP_TLS=none is for loopback alone: mails and the password would be readable")
        return self
