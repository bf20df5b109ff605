"""A way to reach a person, as they type it into one field: a phone number or an e-mail address."""

from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.kazakhstan import email, phone

Channel = Literal["phone", "email"]
LONGEST = 254


@dataclass(frozen=True, slots=True)
class Contact:
    """`value` in its normal form: E.164, or lower-cased NFC. Prints nothing of it."""

    channel: Channel
    value: str = field(repr=False)


def read_contact(typed: str) -> Contact:
    """Raises ValueError with the rule it breaks, never with the value."""
    if len(typed) > LONGEST or not typed.strip():
        raise ValueError("must be a phone number or an e-mail address")
    return Contact("email", email(typed)) if "@" in typed else Contact("phone", phone(typed))
