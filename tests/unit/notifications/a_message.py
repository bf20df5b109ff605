"""Messages and recipients for tests of notifications."""

from typing import Any

from services.notifications.message_store import Message
from services.notifications.recipient_store import Recipient
from shared.sealing.opener import Sealed

SUBJECT = "5" * 32
ORDER = "0123456789abcdef" * 2


def a_message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "message_id": "a" * 32,
        "kind": "order_confirmation",
        "channel": "email",
        "purpose": "3.2.6",
        "order_id": ORDER,
        "subject_id": SUBJECT,
        "campaign": None,
        "attempts": 1,
    }
    return Message(**{**fields, **changes})


def a_recipient(**changes: Any) -> Recipient:
    sealed = Sealed("e" * 32, "kz.exl.OrderPlaced.v1", SUBJECT, b"\xa5" * 92)
    fields: dict[str, Any] = {"order_id": ORDER, "subject_id": SUBJECT, "restricted": False, "sealed": sealed}
    return Recipient(**{**fields, **changes})
