"""Follow what people choose: the promotions switch goes on and off with the consent given or withdrawn last."""

from collections.abc import Mapping, Sequence
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

    async def stop(self, asked: Mapping[str, datetime], session: Session) -> None:
        """`asked`: subject id → when. Within the restricting transaction. A command that is read again after the
        erasure leaves no record."""
        states = await self._keyring.states(asked, fresh=True)
        held = {subject_id: at for subject_id, at in asked.items() if isinstance(states[subject_id], Held)}
        await self._choices.stop_promotions(held, session)
