"""Figures of the README are those of the pages that it names."""

import re

from deploy.local.layout import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_attempts_are_counted_as_the_servers_answered() -> None:
    page = (ROOT / "docs" / "least-privilege.md").read_text(encoding="utf-8")
    sums = re.findall(r"^(\d+) attempts: (\d+) went through", page, re.MULTILINE)
    made, through = (sum(int(one[column]) for one in sums) for column in (0, 1))
    assert len(sums) == 3
    assert f"{made:,} attempts, {made - through:,} refused" in README


def test_orders_are_accounted_for_as_the_long_run_did() -> None:
    page = (ROOT / "docs" / "soak.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"= views \+ fenced \+ dead\*\*: ([\d,]+) = ([\d,]+) \+ ([\d,]+) \+ ([\d,]+)\.", page)
    assert "{} accepted = {} views + {} erased + {} dead".format(*told) in README


def test_cells_are_counted_as_the_crash_matrix_did() -> None:
    (cells,) = re.findall(
        r"^\*\*(\d+) cells", (ROOT / "docs" / "crash-matrix.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert f"| {cells} cells: " in README
