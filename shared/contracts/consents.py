"""Topic `consents`: what a person agreed to and took back, as the client's side recorded it."""

from datetime import datetime
from typing import Literal

from shared.contracts.event import Event, RecordId

Scope = Literal["all", "promotions"]


class ConsentGiven(Event):
    """An explicit act, with the text it referred to (clauses 5.1–5.2; Law 94-V art. 8(1), 8(4))."""

    TOPIC = "consents"
    PUBLISHERS = ("intake",)

    consent_id: RecordId
    policy_version: str
    text_sha256: str
    language: Literal["kk", "ru", "en"]
    promotions: bool
    given_at: datetime


class ConsentWithdrawn(Event):
    """The person took consent back (clause 5.9.1). The privacy service opens a case dated `received_at`."""

    TOPIC = "consents"
    PUBLISHERS = ("intake",)

    scope: Scope
    channel: str
    received_at: datetime
