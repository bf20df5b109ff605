"""Put on the ledger what people did in the console: ids and codes, never a name or a value."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from services.privacy.ledger import Entry, Ledger
from shared.contracts.ledger import LedgerHeadMoved
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Session, in_transaction

Change = Callable[[Session], Coroutine[Any, Any, None]]


class Record:
    def __init__(self, client: Client, ledger: Ledger, outbox: Outbox) -> None:
        self._client = client
        self._ledger = ledger
        self._outbox = outbox

    async def note(self, entry: Entry, now: datetime, change: Change | None = None) -> None:
        """The entry and the change it is about, in one transaction: they agree, or nothing happened."""

        async def work(session: Session) -> list[dict[str, Any]]:
            if change is not None:
                await change(session)
            head = await self._ledger.append([entry], now, session)
            moved = LedgerHeadMoved(sequence=head.sequence, hash=head.hash, at=now)
            return await self._outbox.append([Outgoing(moved, new_id(), now)], session)

        self._outbox.committed(await in_transaction(self._client, work))
