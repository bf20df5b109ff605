"""Settings of the delivery service, read once in app.py."""

from pydantic import Field, HttpUrl, SecretStr

from shared.http.settings import ServiceSettings


class DeliverySettings(ServiceSettings):
    operator_token: SecretStr = Field(validation_alias="SEALED_OPERATOR_TOKEN")
    partner_url: HttpUrl = Field(validation_alias="PARTNER_URL")
    partner_name: str = Field(default="Courier partner", validation_alias="SEALED_PARTNER_NAME")
