"""Each service, logged in as itself, tries every act on every collection, view and database of the server.

What may be tried is asked of the server and of the policy, never listed here. Nothing is left behind but empty
collections in a service's own database, so this is for a stack that nobody else uses.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import product
from typing import Any, Final

from pymongo.errors import OperationFailure

from deploy.least_privilege.attempt import Attempt
from deploy.local.layout import SERVICES
from deploy.local.stack import LocalStack
from shared.policy.model import Policy
from shared.stores.mongo import Client, Database, connect

SYSTEM: Final = ("admin", "config", "local")
COLLECTION, INTERNAL, DATABASE = "collection or view", "collection of the server's own", "database"
DATABASE_ITSELF: Final = "(the database itself)"
MARK: Final = "an attempt"
Act = Callable[[Database, str, str | None], Awaitable[Any]]
"""On a collection; where the service can read one of the same database, that one's name as well."""


async def _lookup(database: Database, name: str, own: str | None) -> None:
    await _joined(database, own, {"$lookup": {"from": name, "pipeline": [], "as": "all"}})


async def _merge(database: Database, name: str, own: str | None) -> None:
    await _joined(database, own, {"$merge": {"into": name, "whenMatched": "merge", "whenNotMatched": "insert"}})


async def _joined(database: Database, own: str | None, stage: Mapping[str, Any]) -> None:
    """From what the service may read; without any, from nothing, for which MongoDB wants the whole database's right."""
    if own:
        await database[own].aggregate([{"$match": {"_id": MARK}}, stage]).to_list(1)
    else:
        await database.aggregate([{"$documents": []}, stage]).to_list(1)


async def _watch(database: Database, name: str, _: str | None) -> None:
    async with database[name].watch(max_await_time_ms=1) as changes:
        await changes.try_next()


ON_SYSTEM_COLLECTIONS: Final[Mapping[str, Act]] = {
    "find": lambda database, name, _: database[name].find_one({"_id": MARK}),
    "aggregate": lambda database, name, _: database[name].aggregate([{"$match": {"_id": MARK}}]).to_list(1),
    "insert": lambda database, name, _: database[name].insert_one({"_id": MARK}),
    "update": lambda database, name, _: database[name].update_one({"_id": MARK}, {"$set": {"tried": True}}),
    "delete": lambda database, name, _: database[name].delete_one({"_id": MARK}),
}
ON_COLLECTIONS: Final[Mapping[str, Act]] = {
    **ON_SYSTEM_COLLECTIONS,
    "$lookup": _lookup,
    "$merge": _merge,
    "watch": _watch,
    "createIndex": lambda database, name, _: database[name].create_index("tried"),
    "collMod": lambda database, name, _: database.command({"collMod": name, "validationLevel": "moderate"}),
    "drop": lambda database, name, _: database.drop_collection(name),
}
ON_DATABASES: Final[Mapping[str, Act]] = {
    "listCollections": lambda database, *_: database.command({"listCollections": 1}),
    "create": lambda database, *_: database.create_collection("made_by_an_attempt"),
    "createUser": lambda database, *_: database.command({"createUser": "attempt", "pwd": MARK, "roles": []}),
    "createRole": lambda database, *_: database.command({"createRole": "attempt", "privileges": [], "roles": []}),
    "usersInfo": lambda database, *_: database.command({"usersInfo": 1}),
    "dropDatabase": lambda database, *_: database.command({"dropDatabase": 1}),
}


async def attempts(stack: LocalStack, policy: Policy) -> list[Attempt]:
    """Raises pymongo's errors for anything but an answer of the server."""
    administrator = connect(stack.info.mongodb.uri, service="attempts")
    found: list[Attempt] = []
    try:
        places = await _places(administrator, policy)
        for service in SERVICES:
            client = connect(stack.mongodb_uri(service), service=service)
            try:
                found += [attempt async for attempt in _of(service, client, places, administrator)]
            finally:
                client.close()
    finally:
        administrator.close()
    return found


async def _places(administrator: Client, policy: Policy) -> dict[str, list[str]]:
    """Database → collections and views: what the policy names, and what else is there."""
    places: dict[str, list[str]] = {}
    for database in sorted({*policy.stores, *await administrator.list_database_names()}):
        mapped = policy.stores[database].collections if database in policy.stores else ()
        there = await administrator[database].list_collection_names()
        places[database] = sorted({*mapped, *there})
    return places


async def _of(
    service: str, client: Client, places: Mapping[str, list[str]], administrator: Client
) -> AsyncIterator[Attempt]:
    for database, names in places.items():
        own: str | None = None
        for act, name in product(ON_COLLECTIONS, names):
            kind = INTERNAL if database in SYSTEM or name.startswith("system.") else COLLECTION
            if kind == INTERNAL and act not in ON_SYSTEM_COLLECTIONS:
                continue
            refusal = await _answer(ON_COLLECTIONS[act], client[database], name, own)
            yield Attempt(service, kind, database, name, act, refusal)
            if refusal is None and act == "find":
                own = own or name
            if refusal is None and act == "insert":
                await administrator[database][name].delete_one({"_id": MARK})
        for act, run in ON_DATABASES.items():
            refusal = await _answer(run, client[database], DATABASE_ITSELF, own)
            yield Attempt(service, DATABASE, database, DATABASE_ITSELF, act, refusal)


async def _answer(run: Act, database: Database, name: str, own: str | None) -> str | None:
    try:
        await run(database, name, own)
    except OperationFailure as refused:
        return f"MongoDB {refused.code}"
    return None
