"""Settings of the intake service, read once in app.py."""

from pydantic import Field, HttpUrl, SecretStr

from shared.http.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    shop_token: SecretStr = Field(validation_alias="SEALED_SHOP_TOKEN")
    operator_token: SecretStr = Field(validation_alias="SEALED_OPERATOR_TOKEN")
    shop: str = Field(default="exl.kz", validation_alias="SEALED_SHOP")
    smtp_host: str = Field(validation_alias="SMTP_HOST")
    smtp_port: int = Field(validation_alias="SMTP_PORT")
    sms_gateway_url: HttpUrl = Field(validation_alias="SMS_GATEWAY_URL")
