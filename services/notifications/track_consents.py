"""Follow what people choose: the promotions switch goes on and off with the consent given or withdrawn last."""

from collections.abc import Sequence
from datetime import datetime

from services.notifications.choice_store import ChoiceStore
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.messaging.fence import held_only
from shared.sealing.keyring import Held, KeyringReader
from shared.stores.mongo import Session


class ConsentTracking:
    def __init__(self, choices: ChoiceStore, keyring: KeyringReader) -> None:
        self._choices = choices
        self._keyring = keyring

    async def on_given(self, batch: Sequence[Received[ConsentGiven]]) -> Outcome:
        held, outcome = await held_only(batch, self._keyring)
        events = [received.event for received in held]
        await self._choices.decide([(event.subject_id, event.promotions, event.given_at) for event in events])
        return outcome

    async def on_withdrawn(self, batch: Sequence[Received[ConsentWithdrawn]]) -> Outcome:
        """Either scope stops promotions. It counts from when it was recorded, which may be after it was received: what
        was chosen in between is withdrawn too."""
        held, outcome = await held_only(batch, self._keyring)
        await self._choices.decide([(received.event.subject_id, False, received.time) for received in held])
        return outcome

    async def stop(self, subject_ids: Sequence[str], now: datetime, session: Session) -> None:
        """Within the restricting transaction. A command that is read again after the erasure leaves no record."""
        states = await self._keyring.states(subject_ids, fresh=True)
        held = [subject_id for subject_id, state in states.items() if isinstance(state, Held)]
        await self._choices.stop_promotions(held, now, session)
