"""The second certificate is issued when all that it states is true, once, by whichever replica comes first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.privacy.certify_again import SecondCertification
from services.privacy.epoch_watch import EpochWatch
from services.privacy.ledger import LedgerBroken
from services.privacy.second_certificate import SecondCertificateIssuer
from services.privacy.verify_certificate import failures
from shared.observability.metrics import EPOCHS_ALIVE
from shared.sealing.kek import KekUnreachable
from shared.stores.keyring_view import DATABASE, EPOCHS
from shared.stores.mongo import Client
from shared.stores.receipts import PublicKeys, Signer
from tests.integration.privacy.an_office import POLICY, Office, Person, Replica
from tests.integration.privacy.test_officer_routes import officer_of
from tests.unit.sealing.clock import Clock

pytestmark = pytest.mark.integration
READERS = tuple(POLICY.readers)
ROTATION = timedelta(minutes=1)  # an office closes its cases some seconds ahead of the clock
STALE = timedelta(seconds=2)
LATER = POLICY.kafka_horizon + timedelta(hours=1)


class Provider:
    """`KekSealer`: which epochs it has."""

    def __init__(self) -> None:
        self.living = {reader: [1] for reader in READERS}

    def epochs(self, reader: str) -> list[int]:
        return self.living[reader]


class Rotated:
    """What rotations leave behind: the administrator's records, and a provider without the key."""

    def __init__(self, client: Client) -> None:
        self.provider = Provider()
        self._records = client[DATABASE][EPOCHS]

    async def destroy(self, epoch: int, *readers: str, at: datetime | None = None) -> None:
        for reader in readers or READERS:
            await self.note(epoch, reader, at or datetime.now(UTC) + ROTATION)
            self.provider.living[reader] = [epoch + 1]

    async def note(self, epoch: int, reader: str, destroyed_at: datetime) -> None:
        record = {"reader": reader, "epoch": epoch, "destroyed_at": destroyed_at}
        await self._records.replace_one({"_id": f"{reader}/{epoch}"}, record, upsert=True)

    async def forget(self) -> None:
        await self._records.delete_many({})


@pytest.fixture
async def rotated(mongo: Client) -> AsyncIterator[Rotated]:
    rotated = Rotated(mongo)
    yield rotated
    await rotated.forget()


def certification(office: Office, rotated: Rotated, replica: Replica | None = None) -> SecondCertification:
    """Of a replica that was started just now."""
    replica = replica or office.privacy
    return SecondCertification(
        office.client,
        replica.certificates,
        EpochWatch(office.client, rotated.provider, READERS, STALE),  # type: ignore[arg-type]
        replica.ledger,
        replica.outbox,
        SecondCertificateIssuer(Signer.from_folder(office.keys_root / "privacy")),
    )


async def erased(office: Office, count: int = 1) -> list[Person]:
    people = await office.arrive(count, open_order=False)
    await office.withdraw_many(people)
    await office.run()
    return people


async def second_of(office: Office, person: Person) -> dict[str, Any] | None:
    case = await office.case_of(person)
    return (await office.privacy.certificates.second_of(case.case_id))[0]


async def test_it_is_issued_once_when_epochs_and_retention_are_past(office: Office, rotated: Rotated) -> None:
    [person] = await erased(office)
    await rotated.destroy(1)
    later = datetime.now(UTC) + LATER
    assert await certification(office, rotated).issue(later) == 1
    assert await certification(office, rotated).issue(later) == 0
    second = await second_of(office, person)
    assert second is not None
    assert failures(second, PublicKeys.from_folder(office.keys_root / "public")) == []
    assert {reader: list(ends) for reader, ends in second["epochs_destroyed"].items()} == {r: ["1"] for r in READERS}
    entries = await office.database("privacy")["ledger"].find({"what": "second_certificate_issued"}).to_list(None)
    assert [entry["case_id"] for entry in entries] == [second["case_id"]]
    await office.privacy.ledger.verify()


async def test_it_waits_for_the_topics_retention(office: Office, rotated: Rotated) -> None:
    await erased(office)
    await rotated.destroy(1)
    early = datetime.now(UTC) + POLICY.kafka_horizon - timedelta(hours=1)
    assert await certification(office, rotated).issue(early) == 0
    assert await certification(office, rotated).issue(early + timedelta(hours=2)) == 1


async def test_it_waits_for_every_readers_epoch(office: Office, rotated: Rotated) -> None:
    await erased(office)
    later = datetime.now(UTC) + LATER
    for reader in READERS:
        assert await certification(office, rotated).issue(later) == 0, f"before {reader}"
        await rotated.destroy(1, reader)
    assert await certification(office, rotated).issue(later) == 1


async def test_record_alone_is_not_believed_while_the_provider_has_the_key(office: Office, rotated: Rotated) -> None:
    await erased(office)
    await rotated.destroy(1)
    rotated.provider.living["delivery"] = [1, 2]
    later = datetime.now(UTC) + LATER
    assert await certification(office, rotated).issue(later) == 0
    rotated.provider.living["delivery"] = [2]
    assert await certification(office, rotated).issue(later) == 1


async def test_missing_key_alone_is_not_believed_without_the_record(office: Office, rotated: Rotated) -> None:
    await erased(office)
    rotated.provider.living = {reader: [2] for reader in READERS}
    assert await certification(office, rotated).issue(datetime.now(UTC) + LATER) == 0


async def test_epoch_that_by_its_clock_ended_before_the_key_is_not_enough(office: Office, rotated: Rotated) -> None:
    [person] = await erased(office)
    await rotated.destroy(1, at=datetime.now(UTC) - timedelta(hours=1))
    later = datetime.now(UTC) + LATER
    assert await certification(office, rotated).issue(later) == 0
    await rotated.destroy(2)
    assert await certification(office, rotated).issue(later) == 1
    second = await second_of(office, person)
    assert second is not None
    assert failures(second, PublicKeys.from_folder(office.keys_root / "public")) == []


async def test_two_replicas_issue_each_once(an_office: Callable[..., Awaitable[Office]], rotated: Rotated) -> None:
    office = await an_office(replicas=2)
    people = await erased(office, 20)
    await rotated.destroy(1)
    later = datetime.now(UTC) + LATER
    issued = await asyncio.gather(
        *(certification(office, rotated, replica).issue(later) for replica in office.replicas for _ in range(2))
    )
    assert sum(issued) == len(people)
    assert await office.database("privacy")["ledger"].count_documents({"what": "second_certificate_issued"}) == 20
    await office.privacy.ledger.verify()


async def test_promotions_get_none(office: Office, rotated: Rotated) -> None:
    [person] = await office.arrive(1, open_order=False)
    case = await office.withdraw(person, "promotions")
    await office.run()
    await rotated.destroy(1)
    assert await certification(office, rotated).issue(datetime.now(UTC) + LATER) == 0
    async with officer_of(office) as officer:
        answer = await officer.get(f"/v1/cases/{case.case_id}/second-certificate")
    assert (answer.status_code, answer.json()["title"]) == (409, "No second certificate")


async def test_officer_is_told_what_it_waits_for_and_then_gets_it(office: Office, rotated: Rotated) -> None:
    [person] = await erased(office)
    path = f"/v1/cases/{(await office.case_of(person)).case_id}/second-certificate"
    async with officer_of(office) as officer:
        waiting = await officer.get(path)
        assert waiting.status_code == 409
        assert "Kafka may hold sealed copies until 20" in waiting.json()["detail"]
        assert "sealed keys rotate" in waiting.json()["detail"]
        await rotated.destroy(1)
        await certification(office, rotated).issue(datetime.now(UTC) + LATER)
        assert (await officer.get(path)).json() == await second_of(office, person)
        assert (await officer.get("/v1/cases/" + "0" * 32 + "/second-certificate")).status_code == 404


async def test_second_certificate_taken_out_of_the_ledger_shows(office: Office, rotated: Rotated) -> None:
    await erased(office)
    await rotated.destroy(1)
    await certification(office, rotated).issue(datetime.now(UTC) + LATER)
    await office.database("privacy")["ledger"].delete_one({"what": "second_certificate_issued"})
    with pytest.raises(LedgerBroken):
        await office.privacy.ledger.verify()


async def test_living_epochs_are_counted(office: Office, rotated: Rotated) -> None:
    rotated.provider.living["delivery"] = [3, 4]
    watch = EpochWatch(office.client, rotated.provider, READERS, STALE)  # type: ignore[arg-type]
    await watch.refresh(datetime.now(UTC))
    assert EPOCHS_ALIVE.labels("delivery")._value.get() == 2
    assert watch.newest()["delivery"] == 4


async def test_no_certificate_names_an_epoch_that_may_have_been_followed(office: Office, rotated: Rotated) -> None:
    clock = Clock()
    watch = EpochWatch(office.client, rotated.provider, READERS, STALE, clock)  # type: ignore[arg-type]
    with pytest.raises(KekUnreachable):
        watch.newest()
    await watch.refresh(datetime.now(UTC))
    rotated.provider.living["delivery"] = [1, 2]
    clock.now += 1.9
    assert watch.newest()["delivery"] == 1
    clock.now += 0.1
    with pytest.raises(KekUnreachable):
        watch.newest()
    await watch.refresh(datetime.now(UTC))
    assert watch.newest()["delivery"] == 2
