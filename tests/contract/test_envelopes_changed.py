"""An envelope that was changed by a single bit anywhere does not open, and the refusal is the same whatever changed."""

import base64
from collections.abc import Iterator

import pytest

from shared.messaging.cloudevents import read
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, unseal
from tests.contract.samples import SEALED, Published, key_of, record_of, sample
from tests.unit.sealing.mutations import flipped, resized

NONCE, TAG = 12, 16  # bytes at the beginning and at the end

pytestmark = pytest.mark.parametrize(("event", "reader"), SEALED, ids=lambda part: getattr(part, "__name__", part))


class AnEnvelope:
    """As it was published, with what opens it."""

    def __init__(self, event: type[Published], reader: str) -> None:
        received = read(record_of(event.type_name()))
        self.sealed = received.event.sealed_readers()[reader]
        self._binding = Binding(received.event_id, received.event_type, received.event.subject_id, reader)
        self._key = key_of(sample(f"{event.type_name()}.{reader}"))
        assert unseal(self.sealed, self._binding, self._key)

    def refusal(self, changed: bytes) -> EnvelopeNotAuthentic:
        assert changed != self.sealed
        with pytest.raises(EnvelopeNotAuthentic) as refused:
            unseal(changed, self._binding, self._key)
        return refused.value


def rearranged(sealed: bytes) -> Iterator[bytes]:
    nonce, body, tag = sealed[:NONCE], sealed[NONCE:-TAG], sealed[-TAG:]
    yield from (nonce + tag + body, body + nonce + tag, tag + body + nonce, sealed[::-1], bytes(len(sealed)))
    yield nonce + body[16:32] + body[:16] + body[32:] + tag
    yield base64.b64encode(sealed)


def test_every_flipped_bit_is_refused(event: type[Published], reader: str) -> None:
    envelope = AnEnvelope(event, reader)
    changes = list(flipped(envelope.sealed))
    assert len(changes) == 8 * len(envelope.sealed)
    for changed in changes:
        envelope.refusal(changed)


def test_every_other_length_is_refused(event: type[Published], reader: str) -> None:
    envelope = AnEnvelope(event, reader)
    for changed in resized(envelope.sealed):
        envelope.refusal(changed)


def test_every_rearrangement_is_refused(event: type[Published], reader: str) -> None:
    envelope = AnEnvelope(event, reader)
    for changed in rearranged(envelope.sealed):
        envelope.refusal(changed)


def test_parts_of_two_envelopes_make_none(event: type[Published], reader: str) -> None:
    envelope = AnEnvelope(event, reader)
    for other in (AnEnvelope(*pair).sealed for pair in SEALED if pair != (event, reader)):
        for cut in (NONCE, NONCE + 16, -TAG):
            envelope.refusal(envelope.sealed[:cut] + other[cut:])
            envelope.refusal(other[:cut] + envelope.sealed[cut:])


def test_refusals_do_not_tell_what_was_changed(event: type[Published], reader: str) -> None:
    envelope = AnEnvelope(event, reader)
    changes = [*flipped(envelope.sealed), *resized(envelope.sealed), *rearranged(envelope.sealed)]
    refusals = [envelope.refusal(changed) for changed in changes]
    assert len({(type(refusal), str(refusal), refusal.args) for refusal in refusals}) == 1
    assert all(refusal.__cause__ is None and refusal.__suppress_context__ for refusal in refusals)
