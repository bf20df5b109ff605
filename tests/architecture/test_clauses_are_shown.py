"""docs/clauses.md promises a test for each clause: a promise whose test is gone must not go unseen."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_named_for_a_clause_exists() -> None:
    named = NAMED.findall((ROOT / "docs" / "clauses.md").read_text())
    assert len(named) > 15
    for path, test in named:
        source = (ROOT / path).read_text()
        assert not test or f"def {test}(" in source, f"{path} has no {test}"


def test_every_place_named_exists() -> None:
    text = (ROOT / "docs" / "clauses.md").read_text()
    for path in re.findall(r"`((?:services|shared)/[\w/]+(?:\.py)?)`", text):
        assert (ROOT / path).exists(), path
