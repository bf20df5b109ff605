"""Clause 4.3.1: a field is opened for a purpose the policy gives its reader, and for no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import new_id
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, seal
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import destroy_epoch
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener, PurposeRefused, Sealed, SubjectErased, SubjectUnknown
from shared.sealing.subject_keys import SubjectKeys
from tests.builders import a_person, values_of
from tests.unit.policy.a_policy import a_policy
from tests.unit.sealing.a_keyring import FakeKeyring

DELIVER, COLLECT, PROMOTE = "3.2.3", "3.2.2", "3.2.8"
PERSON = a_person()


@pytest.fixture
def keyring(tmp_path: Path) -> FakeKeyring:
    return FakeKeyring(tmp_path)


def an_opener(keyring: FakeKeyring, policy: Policy | None = None) -> Opener:
    return Opener(
        keyring.reader, policy or load_policy(), KeyringReader(keyring, keyring.unwrapper(), max_age_seconds=60)
    )


def sealed_for(keyring: FakeKeyring, keys: SubjectKeys, policy: Policy | None = None) -> Sealed:
    """The person's envelope for the keyring's reader, with every field the policy seals for it."""
    event_id, event_type = new_id(), OrderPlaced.type_name()
    granted = (policy or load_policy()).fields_for(keyring.reader)
    fields = {name: value for name, value in PERSON.model_dump(mode="json").items() if name in granted}
    binding = Binding(event_id, event_type, keys.subject_id, keyring.reader)
    return Sealed(event_id, event_type, keys.subject_id, seal(fields, binding, keys.of(keyring.reader)))


async def test_fields_granted_for_the_purpose_come_out(keyring: FakeKeyring) -> None:
    opened = await an_opener(keyring).open(sealed_for(keyring, keyring.add()), purpose=DELIVER)
    assert opened == PERSON.model_dump(mode="json", include={*load_policy().fields_for("delivery", DELIVER)})


async def test_just_what_that_purpose_needs_comes_out(keyring: FakeKeyring) -> None:
    opened = await an_opener(keyring).open(sealed_for(keyring, keyring.add()), purpose=COLLECT)
    assert opened == {"amount_to_collect": PERSON.amount_to_collect}


@pytest.mark.parametrize("purpose", [PROMOTE, "3.2.9", "3.2.7", "", "no purpose"])
async def test_purpose_the_policy_does_not_give_is_refused_before_any_key_is_touched(
    keyring: FakeKeyring, purpose: str
) -> None:
    sealed = sealed_for(keyring, keyring.add())
    opener = an_opener(keyring)
    for open_it in (lambda: opener.open(sealed, purpose=purpose), lambda: opener.open_many([sealed], purpose=purpose)):
        with pytest.raises(PurposeRefused, match=r"clause 4\.3\.1"):
            await open_it()
    assert keyring.lookups == []


def without_grant(field: str) -> Callable[[dict[str, Any]], object]:
    return lambda rows: rows["fields"][field]["grants"].pop("delivery")


@pytest.mark.parametrize("field", sorted(load_policy().fields_for("delivery")))
async def test_taking_one_grant_out_of_the_file_closes_that_field_and_no_other(
    keyring: FakeKeyring, field: str
) -> None:
    stricter = a_policy(without_grant(field))
    keys = keyring.add()
    for sealed in (sealed_for(keyring, keys), sealed_for(keyring, keys, stricter)):  # before and after the change
        opened = await an_opener(keyring, stricter).open(sealed, purpose=DELIVER)
        assert set(opened) == load_policy().fields_for("delivery", DELIVER) - {field}


async def test_field_nobody_granted_does_not_come_out_though_it_was_sealed(keyring: FakeKeyring) -> None:
    keys, event_id = keyring.add(), new_id()
    binding = Binding(event_id, "t", keys.subject_id, "delivery")
    envelope = seal({"email": PERSON.email, "given_name": PERSON.given_name}, binding, keys.of("delivery"))
    opened = await an_opener(keyring).open(Sealed(event_id, "t", keys.subject_id, envelope), purpose=DELIVER)
    assert opened == {"given_name": PERSON.given_name}


async def test_erased_person_can_not_be_opened(keyring: FakeKeyring) -> None:
    keys = keyring.add()
    sealed = sealed_for(keyring, keys)
    keyring.destroy(keys.subject_id)
    with pytest.raises(SubjectErased):
        await an_opener(keyring).open(sealed, purpose=DELIVER)


async def test_unknown_subject_is_not_taken_for_an_erased_one(keyring: FakeKeyring) -> None:
    sealed = sealed_for(keyring, keyring.add())
    keyring.rows.clear()
    with pytest.raises(SubjectUnknown):
        await an_opener(keyring).open(sealed, purpose=DELIVER)


async def test_envelope_of_another_event_is_refused(keyring: FakeKeyring) -> None:
    sealed = sealed_for(keyring, keyring.add())
    moved = Sealed(new_id(), sealed.event_type, sealed.subject_id, sealed.envelope)
    with pytest.raises(EnvelopeNotAuthentic):
        await an_opener(keyring).open(moved, purpose=DELIVER)


async def test_destroyed_epoch_is_said_as_what_it_is(keyring: FakeKeyring, tmp_path: Path) -> None:
    sealed = sealed_for(keyring, keyring.add())
    destroy_epoch(tmp_path, "delivery", 1)
    with pytest.raises(KekUnavailable):
        await an_opener(keyring).open(sealed, purpose=DELIVER)


async def test_many_are_opened_with_one_look_up_each_with_its_own_outcome(keyring: FakeKeyring) -> None:
    one, erased, moved = keyring.add(), keyring.add(), keyring.add()
    many = [sealed_for(keyring, keys) for keys in (one, erased, moved, one)]
    many[2] = Sealed(new_id(), many[2].event_type, many[2].subject_id, many[2].envelope)
    keyring.destroy(erased.subject_id)
    results = await an_opener(keyring).open_many(many, purpose=DELIVER)
    assert [type(result) for result in results] == [dict, SubjectErased, EnvelopeNotAuthentic, dict]
    assert len(keyring.lookups) == 1


async def test_opening_is_recorded_by_field_names_and_no_value(keyring: FakeKeyring) -> None:
    keys = keyring.add()
    sealed = sealed_for(keyring, keys)
    with capture_logs() as logs:
        await an_opener(keyring).open(sealed, purpose=DELIVER)
    [entry] = logs
    assert (entry["event"], entry["subject_id"], entry["reader"], entry["purpose"]) == (
        "envelope_opened",
        keys.subject_id,
        "delivery",
        DELIVER,
    )
    assert entry["fields"] == sorted(load_policy().fields_for("delivery", DELIVER))
    assert not [value for value in values_of(PERSON) if value in str(entry)]
