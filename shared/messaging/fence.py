"""Leave out of a batch whoever was erased: one keyring look-up a batch (late is harmless)."""

from collections.abc import Sequence
from typing import TypeVar

from shared.contracts.event import Event
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.sealing.keyring import Fenced, KeyringReader, Unknown

E = TypeVar("E", bound=Event)


async def held_only(
    batch: Sequence[Received[E]], keyring: KeyringReader, *, fresh: bool = False
) -> tuple[list[Received[E]], Outcome]:
    """What may be applied, and the outcome of the batch once it is: the erased are counted, and whoever the keyring
    does not know goes to the dead letters, because nobody can decide about them. `fresh`: past the cache, for a
    service whose key is the last to go and that no second pass comes after."""
    states = await keyring.states([received.event.subject_id for received in batch], fresh=fresh)
    held: list[Received[E]] = []
    outcome = Outcome()
    for received in batch:
        match states[received.event.subject_id]:
            case Fenced():
                outcome.fenced += 1
            case Unknown():
                outcome.refused.append((received, "subject-unknown"))
            case _:
                held.append(received)
    outcome.applied = len(held)
    return held, outcome
