"""Follow the cases that people withdrew into on the pages, so that each can see how far theirs has come."""

from collections.abc import Sequence

from services.intake.my_data.case_link_store import CaseLinkStore
from shared.contracts.cases import CaseMoved
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome


class CaseFollowing:
    def __init__(self, links: CaseLinkStore) -> None:
        self._links = links

    async def on_moved(self, batch: Sequence[Received[CaseMoved]]) -> Outcome:
        """Nobody need follow: a link goes by itself after its period, and its case may still be told of. The person is
        not asked for, who may be erased by now."""
        await self._links.move([received.event for received in batch])
        return Outcome(applied=len(batch))
