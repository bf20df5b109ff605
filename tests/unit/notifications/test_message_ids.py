"""A message keeps its id however often it is decided on; two messages never share one."""

import dataclasses
import re

from services.notifications.message_store import Due

DUE = Due("order_confirmation", "email", "3.2.6", "1" * 32, "2" * 32, "3" * 32)


def test_an_id_is_stable_and_says_nothing() -> None:
    assert dataclasses.replace(DUE).message_id == DUE.message_id
    assert re.fullmatch("[0-9a-f]{32}", DUE.message_id)


def test_another_person_occasion_kind_or_channel_is_another_message() -> None:
    others = [
        dataclasses.replace(DUE, subject_id="4" * 32),
        dataclasses.replace(DUE, occasion="4" * 32),
        dataclasses.replace(DUE, kind="shipment_delivered"),
        dataclasses.replace(DUE, channel="sms"),
    ]
    assert len({due.message_id for due in (DUE, *others)}) == 5
