"""A shop's export: every line has its own outcome, and none stops the rest."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.intake import place_export
from services.intake.order import KeyReused, Outcome, Placed, Wanted
from services.intake.place_export import ExportOutcome, ExportPlacing
from tests.builders import order_form
from tests.unit.intake.an_intake import Intake

GOOD = json.dumps(order_form())
LONGEST = 4_000


class FakeGroups:
    """Places everything, unless a test says otherwise by what number of order comes to what outcome."""

    def __init__(self) -> None:
        self.groups: list[list[Wanted]] = []
        self.instead: dict[int, KeyReused | Exception] = {}

    async def place_all(self, wanted: Sequence[Wanted]) -> list[Outcome | Exception]:
        before = sum(len(group) for group in self.groups)
        self.groups.append(list(wanted))
        return [self.instead.get(before + n, Placed(f"order-{before + n}", "s", 1)) for n in range(len(wanted))]


@pytest.fixture
def groups() -> FakeGroups:
    return FakeGroups()


@pytest.fixture
def exports(groups: FakeGroups, tmp_path: Path) -> ExportPlacing:
    return ExportPlacing(Intake(tmp_path).desk, groups, longest_line=LONGEST)  # type: ignore[arg-type]


async def place(exports: ExportPlacing, *lines: str, key: str | None = None) -> ExportOutcome:
    async def chunks() -> AsyncIterator[bytes]:
        for line in lines:
            yield f"{line}\n".encode()

    return await exports.place(chunks(), key)


def refused(outcome: ExportOutcome) -> dict[int, list[Any]]:
    return {refusal["line"]: [error["field"] for error in refusal["errors"]] for refusal in outcome.refused}


async def test_bad_lines_are_refused_by_number_and_field_and_the_rest_is_placed(exports: ExportPlacing) -> None:
    iin = json.dumps(order_form(iin="990101300123", phone="8 916 123 45 67"))
    outcome = await place(exports, GOOD, "{", "", iin, GOOD, "x" * (LONGEST + 1), GOOD)
    assert [(line["line"], line["order_id"]) for line in outcome.accepted] == [
        (1, "order-0"),
        (5, "order-1"),
        (7, "order-2"),
    ]
    assert refused(outcome) == {2: ["(whole line)"], 4: ["phone", "iin"], 6: ["(whole line)"]}
    said = json.dumps(outcome.refused, ensure_ascii=False)
    assert "990101300123" not in said
    assert "916" not in said


async def test_a_large_export_is_placed_in_groups(exports: ExportPlacing, groups: FakeGroups) -> None:
    outcome = await place(exports, *[GOOD] * 250)
    assert [len(group) for group in groups.groups] == [100, 100, 50]
    assert [line["line"] for line in outcome.accepted] == list(range(1, 251))


async def test_lines_past_the_limit_are_left_for_another_request(
    exports: ExportPlacing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_export, "MAX_LINES", 3)
    outcome = await place(exports, *[GOOD] * 6)
    assert [line["line"] for line in outcome.accepted] == [1, 2, 3]
    assert refused(outcome) == {4: ["(whole line)"]}


async def test_each_line_has_a_key_of_its_own_under_the_request_s(exports: ExportPlacing, groups: FakeGroups) -> None:
    await place(exports, GOOD, GOOD, key="export-1")
    await place(exports, GOOD, GOOD, key="export-1")
    first, again = ([wanted.key for wanted in group] for group in groups.groups)
    assert first == again
    assert len(set(first)) == 2


async def test_what_could_not_be_placed_says_so_on_its_line(exports: ExportPlacing, groups: FakeGroups) -> None:
    groups.instead = {1: KeyReused(), 2: AutoReconnect("mongod says Ақбөпе")}
    outcome = await place(exports, GOOD, GOOD, GOOD, GOOD, key="export-1")
    assert [line["line"] for line in outcome.accepted] == [1, 4]
    assert refused(outcome) == {2: ["Idempotency-Key"], 3: ["(whole line)"]}
    assert "Ақбөпе" not in json.dumps(outcome.refused, ensure_ascii=False)


async def test_nothing_comes_of_nothing(exports: ExportPlacing, groups: FakeGroups) -> None:
    outcome = await place(exports, "", " ")
    assert (outcome.accepted, outcome.refused, groups.groups) == ([], [], [])
