"""A month after the erasure: keys were rotated, Kafka has forgotten, and the officer gets the second certificate."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.privacy.certificate_store import CertificateStore
from services.privacy.certify_again import SecondCertification
from services.privacy.epoch_watch import EpochWatch
from services.privacy.ledger import Ledger
from services.privacy.second_certificate import SecondCertificateIssuer
from shared.messaging.outbox import Outbox
from shared.sealing.kek_files import KekFiles
from shared.stores.mongo import connect
from shared.stores.receipts import Signer
from tests.e2e.officer import sealed
from tests.e2e.world import World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class NoBroker:
    """The running service publishes what is left in the outbox."""


async def a_month_later(world: World) -> int:
    """The privacy service's own act with its own rights, by a clock that is ahead. How many it issued."""
    folder = world.stack.layout.keys / "privacy"
    client = connect(world.stack.mongodb_uri("privacy"), service="privacy")
    database = client["privacy"]
    certification = SecondCertification(
        client,
        CertificateStore(database),
        EpochWatch(client, KekFiles(folder, "privacy"), tuple(world.policy.readers), timedelta(seconds=2)),
        Ledger(database),
        Outbox(database, NoBroker(), service="privacy"),  # type: ignore[arg-type]
        SecondCertificateIssuer(Signer.from_folder(folder)),
    )
    try:
        return await certification.issue(datetime.now(UTC) + world.policy.kafka_horizon + timedelta(hours=1))
    finally:
        client.close()


async def test_officer_gets_it_when_nothing_is_left_to_read(world: World, tmp_path: Path) -> None:
    var, out = world.stack.layout.var, tmp_path / "second.json"
    person = somebody("second-certificate", 480, language="en")
    order = await world.place(person)
    await world.shop.post(f"/v1/orders/{order.order_id}/cancel")
    case_id = await world.withdraw(phone=person.phone)
    await world.case(case_id)

    waiting = await sealed(var, "certificate", case_id, "--second")
    assert waiting.code == 1
    assert "No second certificate yet. Kafka may hold sealed copies until 20" in waiting.err
    await a_month_later(world)
    assert (await sealed(var, "certificate", case_id, "--second")).code == 1, "the keys were not rotated"

    assert (await sealed(var, "keys", "rotate", "--cache-seconds", "2")).code == 0
    assert await a_month_later(world) >= 1
    assert (await sealed(var, "certificate", case_id, "--second", "--out", str(out))).code == 0
    shown = await sealed(var, "verify", str(out))
    assert (shown.code, "No copy can be read by anybody any more" in shown.out) == (0, True)
    second = json.loads(out.read_text())
    assert second["first"] == await world.certificate(case_id)
    assert world.wrong_with(second, tmp_path / "stranger") == []

    epoch = max(second["epochs_destroyed"]["delivery"])
    second["epochs_destroyed"]["delivery"][epoch] = second["issued_at"]
    out.write_text(json.dumps(second))
    assert (await sealed(var, "verify", str(out))).code == 1
    assert (await world.privacy.get("/v1/ledger/verification"))["holds"]
