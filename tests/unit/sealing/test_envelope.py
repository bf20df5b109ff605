"""Clause 4.3.3: what is sealed for one reader opens for that reader, where it belongs, unchanged, and nowhere else."""

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tink import new_keyset_handle
from tink.aead import Aead

from shared.sealing.envelope import PADDING_STEP, Binding, EnvelopeNotAuthentic, seal, unseal
from shared.sealing.subject_keys import TEMPLATE
from tests.builders import a_person, values_of

OVERHEAD = 12 + 16  # nonce and tag of AES-256-GCM
BINDING = Binding("e" * 32, "kz.exl.OrderPlaced.v1", "5" * 32, "delivery")
KEY: Aead = new_keyset_handle(TEMPLATE).primitive(Aead)
FIELDS = {
    "given_name": "Ақбөпе",
    "patronymic": None,
    "amount_to_collect": 9_000,
    "delivery_address": {"line": "Жоқ көше"},
}


def test_opens_to_the_fields_that_were_sealed() -> None:
    assert unseal(seal(FIELDS, BINDING, KEY), BINDING, KEY) == FIELDS


@given(st.dictionaries(st.text(max_size=20), st.none() | st.integers(0, 2**53) | st.text(max_size=200), max_size=6))
def test_opens_to_any_fields_that_were_sealed(fields: dict[str, object]) -> None:
    assert unseal(seal(fields, BINDING, KEY), BINDING, KEY) == fields


def test_shows_none_of_the_values() -> None:
    person = a_person()
    envelope = seal(person.model_dump(), BINDING, KEY)
    assert not [
        value for value in values_of(person) if value.encode() in envelope or value.encode("utf-16-le") in envelope
    ]


@given(st.text(max_size=300))
def test_length_tells_a_name_apart_only_in_steps_of_64_bytes(name: str) -> None:
    length = len(seal({"family_name": name}, BINDING, KEY)) - OVERHEAD
    assert length > 0
    assert length % PADDING_STEP == 0


def test_names_of_different_length_make_envelopes_of_the_same_length() -> None:
    lengths = {len(seal({"family_name": name}, BINDING, KEY)) for name in ("Ли", "Ким", "Сыдықбекқызы")}
    assert len(lengths) == 1


def test_same_fields_sealed_twice_look_different() -> None:
    assert seal(FIELDS, BINDING, KEY) != seal(FIELDS, BINDING, KEY)


def test_every_flipped_bit_is_refused() -> None:
    envelope = seal(FIELDS, BINDING, KEY)
    for position in range(len(envelope)):
        for bit in (0x01, 0x80):
            changed = bytearray(envelope)
            changed[position] ^= bit
            with pytest.raises(EnvelopeNotAuthentic):
                unseal(bytes(changed), BINDING, KEY)


@pytest.mark.parametrize("cut", [0, 1, 27, 28, -1])
def test_shortened_envelope_is_refused(cut: int) -> None:
    with pytest.raises(EnvelopeNotAuthentic):
        unseal(seal(FIELDS, BINDING, KEY)[:cut], BINDING, KEY)


def test_another_key_is_refused() -> None:
    with pytest.raises(EnvelopeNotAuthentic):
        unseal(seal(FIELDS, BINDING, KEY), BINDING, new_keyset_handle(TEMPLATE).primitive(Aead))


PLACES = {
    part: replace(BINDING, **{part: other})
    for part, other in (
        ("event_id", "f" * 32),
        ("event_type", "kz.exl.OrderPlaced.v2"),
        ("subject_id", "6" * 32),
        ("reader", "notifications"),
    )
}


@pytest.mark.parametrize(
    ("sealed_at", "opened_at"),
    [
        pytest.param(sealed, opened, id=f"{a}-to-{b}")
        for (a, sealed), (b, opened) in (
            pair
            for one, other in combinations({"itself": BINDING, **PLACES}.items(), 2)
            for pair in ((one, other), (other, one))
        )
    ],
)
def test_moved_to_another_event_type_subject_or_reader_is_refused(sealed_at: Binding, opened_at: Binding) -> None:
    envelope = seal(FIELDS, sealed_at, KEY)
    assert unseal(envelope, sealed_at, KEY) == FIELDS
    with pytest.raises(EnvelopeNotAuthentic):
        unseal(envelope, opened_at, KEY)


CUTS = st.lists(st.integers(0, 12), min_size=3, max_size=3).map(sorted)


@given(st.text("ab\0é", min_size=4, max_size=12), CUTS, CUTS)
def test_no_two_bindings_coincide_though_they_read_the_same_in_a_row(
    text: str, one: list[int], other: list[int]
) -> None:
    def cut(at: list[int]) -> tuple[str, ...]:
        return tuple(text[start:end] for start, end in pairwise((0, *at, len(text))))

    assume(cut(one) != cut(other))
    assert Binding(*cut(one)).associated_data() != Binding(*cut(other)).associated_data()


def test_refusal_tells_nothing_of_what_was_sealed() -> None:
    with pytest.raises(EnvelopeNotAuthentic) as refusal:
        unseal(seal(FIELDS, BINDING, KEY), PLACES["subject_id"], KEY)
    assert "Ақбөпе" not in str(refusal.value)
    assert refusal.value.__cause__ is None
