"""The demo's search proves nothing unless it found what was planted in each place."""

import pytest

from deploy.demo.scan import Finding
from deploy.demo.search import missed_in

FOUND = [Finding(where, "planted", "utf-8") for where in ("data/mongod/collection.wt", "log/planted.log", "topic dead")]


def test_all_three_places_are_seen() -> None:
    assert missed_in(FOUND) == []


@pytest.mark.parametrize(("left_out", "place"), list(enumerate(("data", "log", "topic"))))
def test_a_place_where_it_was_not_found_is_named(left_out: int, place: str) -> None:
    assert missed_in(FOUND[:left_out] + FOUND[left_out + 1 :]) == [place]
