"""Transactional outbox: an event is stored in the transaction of the change it tells of, then published.

`append` writes within the caller's transaction: it never opens, commits or flushes one of its own. Rows are
published right after the commit by the process that wrote them; rows whose writer died are published by any
replica's sweep once their lease is over. A row is deleted only when Kafka has acknowledged it, so an event may be
published twice, never lost: consumers are idempotent.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import structlog
from aiokafka.errors import KafkaError
from faststream.exceptions import FastStreamException
from faststream.kafka import KafkaBroker
from faststream.kafka.response import KafkaPublishCommand
from faststream.response import PublishType
from pymongo import ASCENDING
from pymongo.errors import PyMongoError

from shared.messaging.cloudevents import Outgoing, headers_of, new_id
from shared.messaging.message_spans import note_published
from shared.messaging.renew_producer import acknowledged_within, is_stuck, producer_of, renew_producer
from shared.observability.metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PUBLISHED
from shared.stores.mongo import Database, Session

COLLECTION: Final = "outbox"
ACKNOWLEDGE_SECONDS = 15.0
STOP_SECONDS = 5.0
SWEEP_AT_ONCE = 500
log = structlog.get_logger()

Row = dict[str, Any]


class Outbox:
    def __init__(
        self,
        database: Database,
        broker: KafkaBroker,
        *,
        service: str,
        lease_seconds: float = 5.0,
        sweep_seconds: float = 1.0,
    ) -> None:
        self._rows = database[COLLECTION]
        self._broker = broker
        self._service = service
        self._lease = timedelta(seconds=lease_seconds)
        self._sweep_seconds = sweep_seconds
        self._committed: asyncio.Queue[list[Row]] = asyncio.Queue()
        self._acknowledged: asyncio.Queue[list[str]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def append(self, outgoing: Sequence[Outgoing], session: Session) -> list[Row]:
        """Store the events with the caller's change; give the returned rows to `committed` once that is durable."""
        now = datetime.now(UTC)
        rows: list[Row] = [
            {
                "_id": item.event_id,
                "subject_id": item.key,
                "topic": item.event.topic(),
                "headers": headers_of(item, self._service),
                "value": item.event.model_dump_json().encode(),
                "created_at": now,
                "leased_until": now + self._lease,
            }
            for item in outgoing
        ]
        if rows:
            await self._rows.insert_many(rows, session=session, ordered=False)
        return rows

    async def waiting(self, event_ids: Sequence[str], session: Session) -> set[str]:
        """Which of these events are stored and not yet known to be published."""
        return set(await self._rows.distinct("_id", {"_id": {"$in": list(event_ids)}}, session=session))

    def committed(self, rows: list[Row]) -> None:
        """The transaction is durable: publish its rows now, in the background."""
        if rows:
            self._committed.put_nowait(rows)

    async def ensure_indexes(self) -> None:
        await self._rows.create_index([("leased_until", ASCENDING)])

    async def start(self) -> None:
        work = (self._publish_committed(), self._forget_acknowledged(), self._sweep_forever())
        self._tasks = [asyncio.create_task(forever) for forever in work]

    async def stop(self) -> None:
        """Publish what is queued, then stop. Whatever is left is swept by another replica or the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._committed.join()
                await self._acknowledged.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish_committed(self) -> None:
        while True:
            batches = [await self._committed.get()]
            while not self._committed.empty():
                batches.append(self._committed.get_nowait())
            try:
                rows = [row for rows in batches for row in rows]
                self._acknowledged.put_nowait(await self._publish(rows, by="writer"))
            finally:
                for _ in batches:
                    self._committed.task_done()

    async def _forget_acknowledged(self) -> None:
        """Beside the publishing: the next events need not wait for MongoDB to forget the last ones."""
        while True:
            acknowledged = await self._acknowledged.get()
            try:
                await self._forget(acknowledged)
            finally:
                self._acknowledged.task_done()

    async def _sweep_forever(self) -> None:
        while True:
            try:
                while await self.sweep() == SWEEP_AT_ONCE:
                    pass
                await self._measure()
            except PyMongoError as error:
                log.warning("outbox_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(self._sweep_seconds)

    async def sweep(self) -> int:
        """Publish rows whose lease is over, oldest first. Returns how many were taken on."""
        now = datetime.now(UTC)
        due = self._rows.find({"leased_until": {"$lt": now}}).sort("created_at", ASCENDING).limit(SWEEP_AT_ONCE)
        rows = await due.to_list(SWEEP_AT_ONCE)
        if rows:
            await self.publish(await self._leased(rows, now), by="sweep")
        return len(rows)

    async def _leased(self, rows: list[Row], now: datetime) -> list[Row]:
        """Those of the rows that no other replica leased in the same moment."""
        lease = {"leased_until": now + self._lease, "leased_by": new_id()}
        mine = {"_id": {"$in": [row["_id"] for row in rows]}, "leased_until": {"$lt": now}}
        taken = (await self._rows.update_many(mine, {"$set": lease})).modified_count
        if taken == len(rows):
            return rows
        ids = set(await self._rows.distinct("_id", {"_id": mine["_id"], "leased_by": lease["leased_by"]}))
        return [row for row in rows if row["_id"] in ids]

    async def publish(self, rows: list[Row], *, by: str) -> None:
        """Publish, and delete what Kafka acknowledged. A failure leaves the row to the sweep."""
        await self._forget(await self._publish(rows, by=by))

    async def _publish(self, rows: list[Row], *, by: str) -> list[str]:
        """Ids of the rows Kafka acknowledged."""
        producer = producer_of(self._broker)
        try:
            async with acknowledged_within(self._broker, ACKNOWLEDGE_SECONDS):
                futures = [await self._send(row) for row in rows]
                results = await asyncio.gather(*futures, return_exceptions=True)
            if is_stuck(results):
                await renew_producer(self._broker, producer)
        except (KafkaError, FastStreamException, TimeoutError) as error:
            log.warning("outbox_publish_failed", error=type(error).__name__, count=len(rows))
            return []
        published = [
            row["_id"] for row, result in zip(rows, results, strict=True) if not isinstance(result, BaseException)
        ]
        if len(published) < len(rows):
            log.warning("outbox_publish_failed", error="not acknowledged", count=len(rows) - len(published))
        OUTBOX_PUBLISHED.labels(self._service, by).inc(len(published))
        note_published(rows, set(published), by)
        return published

    async def _forget(self, published: list[str]) -> None:
        """A row that could not be deleted is published once more by the sweep: consumers are idempotent."""
        if not published:
            return
        try:
            await self._rows.delete_many({"_id": {"$in": published}})
        except PyMongoError as error:
            log.warning("outbox_not_forgotten", error=type(error).__name__, count=len(published))

    async def _send(self, row: Row) -> "asyncio.Future[Any]":
        """Past the broker's middlewares: they would cost several times what the sending does. `OUTBOX_PUBLISHED`
        counts."""
        command = KafkaPublishCommand(
            row["value"],
            topic=row["topic"],
            key=row["subject_id"].encode(),
            headers=row["headers"],
            correlation_id=row["_id"],
            no_confirm=True,
            _publish_type=PublishType.PUBLISH,
        )
        return cast("asyncio.Future[Any]", await self._broker.config.producer.publish(command))

    async def _measure(self) -> None:
        oldest = await self._rows.find_one({}, {"created_at": 1}, sort=[("created_at", ASCENDING)])
        age = (datetime.now(UTC) - oldest["created_at"]).total_seconds() if oldest else 0.0
        OUTBOX_OLDEST_SECONDS.labels(self._service).set(age)
