"""Who may be applied is asked once a batch: the erased are counted, the unknown put aside."""

from pathlib import Path

from shared.messaging.cloudevents import new_id
from shared.messaging.fence import held_only
from shared.sealing.keyring import KeyringReader
from tests.builders import an_order_placed, received
from tests.unit.sealing.a_keyring import FakeKeyring


async def test_one_look_up_tells_the_held_from_the_erased_and_the_unknown(tmp_path: Path) -> None:
    keyring = FakeKeyring(tmp_path)
    held, erased = keyring.add().subject_id, keyring.add().subject_id
    keyring.destroy(erased)
    batch = [received(an_order_placed(subject_id=subject)) for subject in (held, erased, new_id(), held)]
    applied, outcome = await held_only(batch, KeyringReader(keyring, keyring.unwrapper(), max_age_seconds=60))
    assert [item.event.subject_id for item in applied] == [held, held]
    assert (outcome.applied, outcome.fenced) == (2, 1)
    assert [(item.event.subject_id, code) for item, code in outcome.refused] == [
        (batch[2].event.subject_id, "subject-unknown")
    ]
    assert len(keyring.lookups) == 1
