"""Ask all stores what they hold of a person as intake's and privacy's pages do: as that service, in its database."""

from datetime import UTC, datetime

from shared.contracts.inspections import Asker
from shared.erasure.ask_stores import Inspection, Inspections
from shared.messaging.outbox import Outbox
from shared.stores.mongo import connect
from tests.e2e.world import World
from tests.integration.services.clients import until

STORES = ("intake", "delivery", "notifications", "privacy")


class NoBroker:
    """What is stored here is published by the running service's own sweep."""


def asking(world: World, asker: Asker) -> Inspections:
    client = connect(world.stack.mongodb_uri(asker), service="test")
    database = client[asker]
    outbox = Outbox(database, NoBroker(), service=asker, lease_seconds=0)  # type: ignore[arg-type]
    return Inspections(asker, client=client, database=database, outbox=outbox, policy=world.policy)


async def inspected(world: World, asker: Asker, subject_id: str, *missing: str) -> Inspection:
    """The inspection, once all stores but those have answered."""
    inspections = asking(world, asker)
    inspection_id = await inspections.ask(subject_id, datetime.now(UTC))
    return await answered(inspections, inspection_id, subject_id, *missing)


async def answered(inspections: Inspections, inspection_id: str, subject_id: str, *missing: str) -> Inspection:
    async def ask() -> Inspection:
        found = await inspections.answers(inspection_id, subject_id=subject_id)
        assert found is not None
        return found

    return await until(ask, lambda found: set(found.missing) == set(missing))
