"""What `make protocol` reads out of TLC's output, and what it asks it to check."""

from typing import Any

import pytest
import yaml

from deploy.protocol import FOLDER, INVARIANTS, ROOT, NotChecked, Result, config, expected, parse, tables, written

HOLDS = """\
Model checking completed. No error has been found.
319862 states generated, 92024 distinct states found, 0 states left on queue.
The depth of the complete state graph search is 44.
"""
FAILS = """\
Progress(3) at 2026-01-01 10:00:00: 40 states generated (40 s/min), 9 distinct states found, 5 states left on queue.
Error: Invariant NothingAcceptedIsLost is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
/\\ crashes = 0

State 2: <BeginOrder line 91, col 5 to line 95, col 99 of module Erasure>
/\\ crashes = 0

State 3: <Crash line 300, col 5 to line 309, col 68 of module Erasure>
/\\ crashes = 1

30 states generated, 13 distinct states found, 8 states left on queue.
"""
BOUNDS = {"Subjects": 2, "MaxCases": 1, "QuietDump": False}
RUNS: dict[str, Any] = yaml.safe_load((FOLDER / "runs.yaml").read_text())


def test_search_that_found_nothing_holds() -> None:
    assert parse(HOLDS) == Result(None, (), 92024)


def test_counterexample_is_its_actions_without_the_first_state() -> None:
    assert parse(FAILS) == Result("NothingAcceptedIsLost", ("BeginOrder", "Crash"), 13)


def test_failing_liveness_is_named() -> None:
    output = "Error: Temporal properties were violated.\n7 states generated, 5 distinct states found, 0 left.\n"
    assert parse(output).violated == "EveryCaseEnds"


@pytest.mark.parametrize(
    "cut", ["", "Error: Parsing or semantic analysis failed.\n", HOLDS.replace("No error", "An error")]
)
def test_search_that_did_not_end_is_no_proof(cut: str) -> None:
    with pytest.raises(NotChecked):
        parse(cut)


def test_symmetry_is_left_out_where_liveness_is_checked() -> None:
    assert "SYMMETRY" in config(BOUNDS)
    assert "SYMMETRY" not in config(BOUNDS, liveness=True)


def test_one_safeguard_is_taken_out() -> None:
    assert 'Without = {"outbox"}' in config(BOUNDS, "outbox")
    assert "Without = {}" in config(BOUNDS)
    assert "Subjects = {s1, s2}" in config(BOUNDS)


def test_another_invariant_than_expected_is_a_problem() -> None:
    row = {"violates": "CertificateIsTrue"}
    assert expected("outbox", row, Result("CertificateIsTrue", (), 1)) == []
    assert expected("outbox", row, Result("NobodyElseIsTouched", (), 1)) != []
    assert expected("outbox", row, Result(None, (), 1)) != []
    assert expected("faults", {}, Result("CertificateIsTrue", (), 1)) != []


def test_table_replaces_what_stood_between_its_markers_and_nothing_else() -> None:
    row = {"kind": "safeguards", "safeguard": "s", "story": "It is lost.", "test": "tests/a.py::test_it"}
    parts = tables({}, {"outbox": row}, {"outbox": Result("NothingAcceptedIsLost", ("A", "B"), 1300)})
    page = "<!-- whole --><!-- /whole -->before\n<!-- safeguards -->\nold\n<!-- /safeguards -->\nafter\n"
    new = written(page, parts)
    assert "| `outbox`: s | NothingAcceptedIsLost | 2 | 1,300 | It is lost. | [test_it](../../tests/a.py) |" in new
    assert "<!-- /whole -->before\n" in new
    assert new.endswith("after\n")
    assert "old" not in new
    assert written(new, parts) == new


@pytest.mark.parametrize("name", RUNS["without"])
def test_every_safeguard_is_in_the_model_and_names_what_exists(name: str) -> None:
    row = RUNS["without"][name]
    assert f'"{name}"' in (FOLDER / "Erasure.tla").read_text()
    assert row["run"] in RUNS["whole"]
    assert row.get("violates") in {*INVARIANTS, None}
    path, _, test = row["test"].partition("::")
    assert not path or f"def {test}(" in (ROOT / path).read_text()


def test_every_safeguard_of_the_model_is_taken_out() -> None:
    model = (FOLDER / "Erasure.tla").read_text()
    named = {part.split('"')[1] for part in model.split("With(")[1:] if part.startswith('"')}
    assert named | {"stopped_everywhere_first", "receipts_from_all"} == set(RUNS["without"])
