"""Settings of the intake service, read once in app.py."""

from pydantic import Field, SecretStr

from shared.http.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    shop_token: SecretStr = Field(validation_alias="SEALED_SHOP_TOKEN")
    shop: str = Field(default="exl.kz", validation_alias="SEALED_SHOP")
