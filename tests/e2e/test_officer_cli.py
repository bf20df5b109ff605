"""The privacy officer at the command line: `sealed …` as processes of their own, against a running stack."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.demo.scan import Needles
from shared.contracts.personal import PersonalData
from tests.builders import values_of
from tests.e2e.officer import Done, sealed
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIRMED = "Your order is confirmed"


@dataclass(slots=True)
class Desk:
    """An officer who keeps everything a command ever printed."""

    world: World
    person: PersonalData
    order: Order
    case_id: str = ""
    printed: list[str] = field(default_factory=list)

    async def run(self, *arguments: str) -> Done:
        done = await sealed(self.world.stack.layout.var, *arguments)
        self.printed += [done.out, done.err]
        return done

    async def run_all(self, *commands: tuple[str, ...]) -> list[Done]:
        return await asyncio.gather(*(self.run(*command) for command in commands))


@pytest.fixture(scope="module")
async def desk(world: World) -> AsyncIterator[Desk]:
    """A case opened by the command line, closed by itself once the parcel has come back."""
    person = somebody("at-the-desk", 400, language="en")
    order = await world.parcel_of(await world.place(person))
    await world.written_to(person, CONFIRMED)
    desk = Desk(world, person, order)
    opened = (await desk.run("withdraw", "--phone", str(person.phone), "--channel", "mailbox", "--json")).json()
    desk.case_id = opened["case_id"]
    await world.case(desk.case_id, "deferred")
    await world.operate(order, "hand-over")
    watching = asyncio.create_task(desk.run("case", desk.case_id, "--watch"))
    await world.operate(order, "return")
    watched = await watching
    assert watched.code == 0, watched.err
    assert "closed" in watched.out
    yield desk
    needles = Needles({f"value {n}": value for n, value in enumerate(values_of(person))})
    assert list(needles.found_in("\n".join(desk.printed).encode(), "printed by a command")) == []


async def test_every_command_prints_json_for_programs(desk: Desk) -> None:
    listed, shown, certificate, ledger, matrix, drift = [
        done.json()
        for done in await desk.run_all(
            ("cases", "--json", "--limit", "200"),
            ("case", desk.case_id, "--json"),
            ("certificate", desk.case_id, "--json"),
            ("ledger", "verify", "--json"),
            ("policy", "matrix", "--json"),
            ("policy", "drift", "--json"),
        )
    ]
    assert desk.case_id in {case["case_id"] for case in listed["cases"]}
    assert (shown["state"], shown["channel"]) == ("closed", "mailbox")
    assert certificate["case_id"] == desk.case_id
    assert ledger["holds"]
    assert {"field": "phone", "clause": "2.2.2", "reader": "delivery", "purpose": "3.2.3"} in matrix
    assert drift == {}, "stores hold what the policy does not know"


async def test_every_command_prints_words_for_people(desk: Desk) -> None:
    listed, shown, ledger, matrix, drift = await desk.run_all(
        ("cases",), ("case", desk.case_id), ("ledger", "verify"), ("policy", "matrix"), ("policy", "drift")
    )
    assert desk.case_id in listed.out
    assert f"Waits for order {desk.order.order_id}: returned" in shown.out
    assert "The ledger holds" in ledger.out
    assert "phone" in matrix.out
    assert "No drift" in drift.out
    assert {done.code for done in (listed, shown, ledger, matrix, drift)} == {0}


async def test_certificate_holds_until_one_digit_is_changed(desk: Desk, tmp_path: Path) -> None:
    file, forgery, nonsense = tmp_path / "certificate.json", tmp_path / "forged.json", tmp_path / "nonsense.json"
    assert (await desk.run("certificate", desk.case_id, "--out", str(file))).code == 0
    forged = file.read_text().replace('"residual": 0', '"residual": 1', 1)
    forgery.write_text(forged)
    nonsense.write_text("not a certificate")
    genuine, in_words, refused, in_json, unreadable = await desk.run_all(
        ("verify", str(file), "--json"),
        ("verify", str(file)),
        ("verify", str(forgery)),
        ("verify", str(forgery), "--json"),
        ("verify", str(nonsense)),
    )
    assert genuine.json() == {"holds": True, "failures": []}
    assert (in_words.code, refused.code, in_json.code, unreadable.code) == (0, 1, 1, 1)
    assert "This certificate holds." in in_words.out
    assert "does not hold" in refused.out
    assert not json.loads(in_json.out)["holds"]


async def test_verifying_without_keys_says_which_to_give(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    file.write_text("{}")
    done = await desk.run("verify", str(file), "--keys", str(tmp_path / "nowhere"))
    assert done.code == 2
    assert "--keys" in done.err


async def test_refusals_name_the_rule_and_exit_with_one(desk: Desk) -> None:
    nobody, no_number, two_ways, no_case, no_certificate = await desk.run_all(
        ("withdraw", "--phone", str(desk.person.phone)),
        ("withdraw", "--phone", str(desk.person.family_name)),
        ("withdraw", "--phone", str(desk.person.phone), "--email", str(desk.person.email)),
        ("case", "0" * 32),
        ("certificate", "0" * 32),
    )
    assert {done.code for done in (nobody, no_number, two_ways, no_case, no_certificate)} == {1}
    assert "Nobody is held under that" in nobody.err
    assert "find.phone" in no_number.err
    assert "exactly one of phone, email, order_id" in two_ways.err
    assert "No such case" in no_case.err
    assert "No such case" in no_certificate.err


@pytest.mark.parametrize(
    "command",
    [("cases",), ("withdraw", "--order", "0" * 32), ("ledger", "verify"), ("policy", "drift"), ("keys", "rotate")],
    ids=" ".join,
)
async def test_without_a_stack_it_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = await sealed(tmp_path, *command)
    assert done.code == 1
    assert "make run" in done.err
    assert "Traceback" not in done.err


async def test_matrix_needs_no_stack(tmp_path: Path) -> None:
    assert (await sealed(tmp_path, "policy", "matrix", "--json")).json()
