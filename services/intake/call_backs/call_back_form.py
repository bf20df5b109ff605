"""The call-back form (footer of the site): a name and a phone, nothing else, and the notice the person read."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from services.intake.order_form import Form
from shared.contracts.kazakhstan import PersonName, Phone
from shared.contracts.personal import Language


class CallBackForm(Form):
    given_name: PersonName
    phone: Phone
    language: Language
    notice_version: Annotated[str, Field(max_length=40)]

    @field_validator("notice_version")
    @classmethod
    def _in_force(cls, value: str, info: ValidationInfo) -> str:
        in_force = (info.context or {})["version_in_force"]
        if value != in_force:
            raise ValueError(f"must be the version in force, {in_force}: show the person its text and ask again")
        return value


def read_call_back(typed: dict[str, Any], *, version_in_force: str) -> CallBackForm:
    """Raises pydantic's ValidationError: read its `errors(include_input=False)` only."""
    return CallBackForm.model_validate(typed, context={"version_in_force": version_in_force})
