"""A made-up store with one collection for each thing a plan can say, and a person's records in it."""

from typing import Any

from shared.messaging.cloudevents import new_id
from shared.policy.rows import Store
from shared.stores.erasure import ErasureEngine, Target
from shared.stores.mongo import Client, Database, Session, in_transaction
from tests.builders import NOON

FIELDS = dict.fromkeys(("_id", "subject_id", "order_id", "sealed", "name", "status", "owner"), "made up")


def a_store(**collections: dict[str, Any]) -> Store:
    return Store.model_validate({"title": "Made up", "answers_erasure": True, "collections": collections})


def a_plan(**said: Any) -> dict[str, Any]:
    return {"title": "Made up", "subject": "subject_id", "fields": FIELDS, **said}


STORE = a_store(
    parcels=a_plan(
        action="destroy",
        order="order_id",
        deferred_by="open_order",
        restrictable=True,
        open_when={"status": ["waiting", "on_its_way"]},
    ),
    orders=a_plan(
        action="depersonalise",
        order="_id",
        unset=["sealed", "subject_id"],
        until_settled=["subject_id"],
        restrictable=True,
        open_when={"status": ["placed"]},
    ),
    papers=a_plan(action="depersonalise", unset=["subject_id", "name", "deep.name"]),
    people=a_plan(subject="_id", action="destroy", restrictable=True),
    proofs=a_plan(action="keep", ground="Proof", article="art. 1"),
    sums=a_plan(subject=None, action="keep", ground="Nobody's", article="art. 1"),
    outbox=a_plan(action="keep", ground="Goes by itself", article="art. 1", transient=True),
)


class Shelf:
    """The store in one database, filled and looked at."""

    def __init__(self, client: Client, database: Database, store: Store = STORE) -> None:
        self.client = client
        self.database = database
        self.engine = ErasureEngine(database, store)

    async def put(self, collection: str, **document: Any) -> Any:
        document = {"_id": new_id(), **document}
        await self.database[collection].insert_one(document)
        return document["_id"]

    async def person(self, **status: str) -> tuple[str, str]:
        """Records of one person in every collection, and one order. Returns subject and order."""
        subject, order = new_id(), new_id()
        await self.put("parcels", subject_id=subject, order_id=order, sealed=b"x", status=status.get("parcel", "done"))
        await self.put("orders", _id=order, subject_id=subject, sealed=b"x", status=status.get("order", "done"))
        for _ in range(2):
            await self.put("papers", subject_id=subject, name="Ақбөпе", deep={"name": "Ақбөпе", "size": 1}, size=1)
        await self.put("people", _id=subject)
        await self.put("proofs", subject_id=subject)
        await self.put("sums", count=1)
        await self.put("outbox", subject_id=subject)
        return subject, order

    async def everything(self) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [row async for row in self.database[name].find().sort("_id")]
            for name in sorted(await self.database.list_collection_names())
        }

    async def erase(self, *targets: Target) -> dict[str, dict[str, dict[str, int]]]:
        """Counts that are not zero, by subject and collection."""

        async def work(session: Session) -> Any:
            return await self.engine.erase(targets, NOON, session)

        found = await in_transaction(self.client, work)
        return {
            subject: {
                name: {kind: number for kind, number in count.model_dump().items() if number}
                for name, count in counts.items()
            }
            for subject, counts in found.items()
        }

    async def restrict(self, *subjects: str) -> Any:
        async def work(session: Session) -> Any:
            return await self.engine.restrict(subjects, NOON, session)

        return await in_transaction(self.client, work)
