"""The crash matrix in short: one cell of each kind. `make crash-matrix` runs them all."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from deploy.faults.cells import Cell, kill_cell_named
from deploy.faults.desk import Desk
from deploy.faults.facts import not_yet, settle
from deploy.faults.journeys import Story, place
from deploy.faults.lane import lane
from deploy.faults.matrix import Peace, run
from deploy.faults.other_cells import paused, refused
from deploy.faults.people import Person

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SHORT = (
    "placing/intake/kafka produce orders OrderPlaced/after",
    "placing/delivery/mongodb insert shipments(awaiting_courier)/after",
    "placing/notifications/mail send/after",
    "erasing/intake/kafka produce erasure-receipts SubjectErased/after",
    "erasing/delivery/mongodb commit disclosures+outbox+shipments/after",
    "erasing/notifications/mongodb commit messages+outbox+recipients+subjects/before",
    "erasing/privacy/mongodb commit cases(restricting)+keyring.subjects+ledger+outbox/after",
)


def short(peace: Peace) -> Sequence[Cell]:
    """The kills, two of another kind, and no kill that the journeys in peace don't have: steps are renamed with the
    collections they change."""
    kills = [kill_cell_named(name) for name in SHORT]
    assert set(SHORT) <= {cell.name for cell in peace.kill_cells}
    return [
        *kills,
        Cell("delivering/partner refuses", "delivering", fault=refused("delivery", "partner", 2)),
        Cell("correcting/mongod stands still", "correcting", fault=paused("mongod", 3)),
    ]


async def test_every_cell_converges(tmp_path: Path) -> None:
    outcome = await run(tmp_path, short, seed=4, lanes=1, told=lambda row: None)
    assert [(row.cell, row.wrong) for row in outcome.rows if row.wrong] == []
    assert outcome.wrong == []
    assert {row.cell for row in outcome.rows if row.struck} >= set(SHORT)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with lane(tmp_path / "lane") as desk:
        yield desk


async def test_what_is_lost_or_sent_twice_does_not_pass(desk: Desk) -> None:
    story = Story(Person(1, None, 1))
    await place(desk, story)
    await settle(desk, story)
    assert await not_yet(desk, story) == []

    (mail,) = desk.stack.layout.mail_dir.glob("*.eml")
    mail.with_name("again.eml").write_bytes(mail.read_bytes())
    await desk.admin["delivery"]["shipments"].delete_many({})
    await desk.admin["notifications"]["subjects"].update_many({}, {"$set": {"promotions": False}})
    unmet = await not_yet(desk, story)
    assert [words.partition(":")[0] for words in unmet] == [
        "mails in the mailbox",
        "shipments of delivery",
        "consent to promotions",
    ]
