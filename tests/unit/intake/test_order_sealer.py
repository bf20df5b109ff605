"""Each reader gets exactly the fields the policy grants it; what is stored in clear is nobody's."""

from pathlib import Path
from typing import Any

import pytest

from services.intake.order_sealer import SealedOrder
from shared.contracts.consents import ConsentGiven
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import new_id
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, unseal
from shared.sealing.subject_keys import SubjectKeys
from tests.builders import NOON, a_person, values_of
from tests.unit.intake.an_intake import SHOP, Intake
from tests.unit.policy.a_policy import Rows, a_policy


def placed_event(order: SealedOrder) -> OrderPlaced:
    event = order.events[0].event
    assert isinstance(event, OrderPlaced)
    return event


def opened(order: SealedOrder, keys: SubjectKeys, reader: str) -> dict[str, Any]:
    envelope = order.order["sealed"] if reader == "intake" else placed_event(order).sealed[reader]
    binding = Binding(order.events[0].event_id, OrderPlaced.type_name(), keys.subject_id, reader)
    return unseal(envelope, binding, keys.of(reader))


def test_every_reader_gets_exactly_its_fields(tmp_path: Path) -> None:
    intake, person = Intake(tmp_path), a_person()
    keys = intake.somebody()
    order = intake.sealer.seal(intake.wanted().form, keys, NOON)
    fields = person.model_dump(mode="json", exclude_none=True)
    assert set(placed_event(order).sealed) == {"delivery", "notifications"}
    for reader in ("intake", "delivery", "notifications"):
        granted = intake.policy.fields_for(reader)
        assert opened(order, keys, reader) == {name: value for name, value in fields.items() if name in granted}
    assert set(opened(order, keys, "intake")) == set(fields)


def test_a_grant_taken_out_of_the_policy_is_sealed_no_more(tmp_path: Path) -> None:
    def without_address(rows: Rows) -> None:
        del rows["fields"]["delivery_address"]["grants"]["delivery"]

    intake = Intake(tmp_path, a_policy(without_address))
    keys = intake.somebody()
    order = intake.sealer.seal(intake.wanted().form, keys, NOON)
    assert "delivery_address" not in opened(order, keys, "delivery")
    assert "phone" in opened(order, keys, "delivery")


def test_a_reader_the_topic_is_not_sealed_for_gets_nothing(tmp_path: Path) -> None:
    intake = Intake(tmp_path, a_policy(lambda rows: rows["topics"]["orders"].update(sealed_for=["delivery"])))
    order = intake.sealer.seal(intake.wanted().form, intake.somebody(), NOON)
    assert set(placed_event(order).sealed) == {"delivery"}


def test_a_reader_left_without_a_field_gets_no_envelope(tmp_path: Path) -> None:
    def nothing_for_notifications(rows: Rows) -> None:
        for field in rows["fields"].values():
            field["grants"].pop("notifications", None)

    intake = Intake(tmp_path, a_policy(nothing_for_notifications))
    order = intake.sealer.seal(intake.wanted().form, intake.somebody(), NOON)
    assert set(placed_event(order).sealed) == {"delivery"}


def test_a_reader_newer_than_the_person_gets_no_envelope_and_stops_no_order(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    known_before = SubjectKeys.create(new_id(), ["intake", "delivery", "privacy"])
    order = intake.sealer.seal(intake.wanted().form, known_before, NOON)
    assert set(placed_event(order).sealed) == {"delivery"}


def test_what_was_not_given_is_not_sealed(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    keys = intake.somebody()
    form = intake.wanted(person=a_person(patronymic=None, residence=None, amount_to_collect=0)).form
    order = intake.sealer.seal(form, keys, NOON)
    assert not {"patronymic", "residence"} & set(opened(order, keys, "intake"))
    assert opened(order, keys, "delivery")["amount_to_collect"] == 0


def test_an_envelope_belongs_to_its_event_subject_and_reader(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    keys, somebody_else = intake.somebody(), intake.somebody()
    first, second = (intake.sealer.seal(intake.wanted().form, keys, NOON) for _ in range(2))
    moved = SealedOrder(first.placed, {**first.order, "sealed": second.order["sealed"]}, first.consent, first.events)
    for order, holder in ((moved, keys), (first, somebody_else)):
        with pytest.raises(EnvelopeNotAuthentic):
            opened(order, holder, "intake")


def test_the_consent_is_the_text_s_hash_version_language_and_time(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    order = intake.sealer.seal(intake.wanted(promotions=True).form, intake.somebody(), NOON)
    given = order.events[1].event
    assert isinstance(given, ConsentGiven)
    (version,) = intake.policy.versions
    assert (given.policy_version, given.text_sha256) == (version.version, version.text_sha256("kk"))
    assert (given.language, given.given_at, given.promotions) == ("kk", NOON, True)
    assert order.consent == {
        "_id": given.consent_id,
        "channel": "shop",
        **given.model_dump(exclude={"consent_id"}),
    }
    assert placed_event(order).consent_id == order.order["consent_id"] == given.consent_id


def test_nothing_in_clear_is_the_person_s(tmp_path: Path) -> None:
    intake, person = Intake(tmp_path), a_person()
    order = intake.sealer.seal(intake.wanted().form, intake.somebody(), NOON)
    written = f"{order!r}{order.order}{order.consent}" + "".join(item.event.model_dump_json() for item in order.events)
    assert not [value for value in values_of(person) if value in written]
    assert order.order["shop"] == SHOP
    described = intake.policy.store("intake")
    assert set(order.order) <= set(described.collection("orders").fields)
    assert set(order.consent) <= set(described.collection("consents").fields)
