"""The page tells of every cell what it came to, and counts nothing as run that was not."""

from collections.abc import Sequence

from deploy.faults.report import written
from deploy.faults.run_cell import Row


def row(cell: str, broker: str, *, struck: bool = True, wrong: Sequence[str] = (), missing: str = "") -> Row:
    return Row(cell, 1, struck, 1.0, 1, 0, 0, tuple(wrong), missing, broker)


def not_run(cell: str) -> Row:
    return row(cell, "embedded", struck=False, missing="needs Apache Kafka")


def test_total_counts_each_outcome() -> None:
    page = written(
        [
            row("placing/a", "embedded"),
            row("placing/a", "Apache Kafka"),
            row("placing/b", "embedded", wrong=["a mail sent twice"]),
            row("placing/c", "embedded", struck=False),
            not_run("placing/d"),
        ],
        [],
    )
    assert "**4 cells, 5 rows: 2 converged, 1 failed**, 2 did not strike or were not run" in page
    assert "**failed**: a mail sent twice" in page
    assert "| not run: needs Apache Kafka |" in page


def test_cell_that_was_run_on_another_broker_is_no_gap() -> None:
    page = written([not_run("placing/a"), row("placing/a", "Apache Kafka")], [])
    assert "**1 cells, 1 rows: 1 converged, 0 failed** (" in page


def test_what_is_wrong_with_a_whole_stack_is_told() -> None:
    assert "- the ledger's chain is broken" in written([row("placing/a", "embedded")], ["the ledger's chain is broken"])
