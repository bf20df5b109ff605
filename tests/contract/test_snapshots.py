"""A contract changes on purpose only: drift is found, and every change that breaks somebody."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, create_model

from shared.contracts import snapshots
from shared.contracts.breaking import breaking_changes
from shared.contracts.catalogue import PUBLISHED
from shared.contracts.event import Event
from shared.contracts.orders import OrderPlaced
from shared.contracts.snapshots import committed, current, problems, write

NAME = f"{OrderPlaced.type_name()}.json"
ERASED = "kz.exl.SubjectErased.v1.json"


def test_committed_snapshots_are_what_the_models_say() -> None:
    """After a change: `make contracts`, and commit the difference."""
    assert problems(committed(), current()) == []


def test_every_event_has_a_snapshot() -> None:
    assert {f"{event.type_name()}.json" for event in PUBLISHED} <= set(committed())


def the_schema(**fields: Any) -> dict[str, Any]:
    """Of OrderPlaced, with these fields besides or instead."""
    changed = create_model("OrderPlaced", __base__=OrderPlaced, **fields)
    return changed.model_json_schema(mode="serialization")


def without(name: str) -> dict[str, Any]:
    schema = deepcopy(committed()[NAME])
    del schema["properties"][name]
    schema["required"] = [required for required in schema["required"] if required != name]
    return schema


BREAKS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a field removed": (lambda: without("consent_id"), "field consent_id was removed"),
    "an optional field made sure": (lambda: the_schema(note=(str, ...)), "field note became required"),
    "a type changed": (lambda: the_schema(item_count=(str, ...)), "field item_count changed its type or format"),
    "a format changed": (lambda: the_schema(order_id=(str, ...)), "field order_id changed its type or format"),
    "a bound changed": (
        lambda: the_schema(item_count=(int, Field(ge=1))),
        "field item_count changed its type or format",
    ),
    "an enum widened": (
        lambda: the_schema(payment_method=(Literal["prepaid", "on_delivery", "credit"], ...)),
        "field payment_method changed its type or format",
    ),
    "null allowed": (lambda: the_schema(promotions=(bool | None, ...)), "field promotions changed its type or format"),
    "a sure field made optional": (
        lambda: the_schema(promotions=(bool, False)),
        "field promotions is no longer always there",
    ),
}


@pytest.mark.parametrize("change", BREAKS)
def test_planted_break_is_found(change: str) -> None:
    make, said = BREAKS[change]
    assert said in breaking_changes(committed()[NAME], make())


def test_break_deep_inside_is_found() -> None:
    old = committed()[ERASED]
    for plant in (
        lambda counts: counts["properties"].pop("residual"),
        lambda counts: counts["properties"]["residual"].update(type="string"),
        lambda counts: counts.update(required=["matched"]),
    ):
        new = deepcopy(old)
        plant(new["$defs"]["CollectionCount"])
        assert breaking_changes(old, new)


def test_enum_by_itself_that_widened_is_found() -> None:
    old = {"properties": {"x": {"$ref": "#/$defs/Kind"}}, "$defs": {"Kind": {"enum": ["a"], "type": "string"}}}
    new = deepcopy(old)
    new["$defs"]["Kind"]["enum"].append("b")  # type: ignore[index]
    assert breaking_changes(old, new)


def test_event_that_is_gone_is_found() -> None:
    assert breaking_changes(committed()[NAME], None) == ["the event was removed"]


@pytest.mark.parametrize(
    "schema",
    [
        lambda: the_schema(note=(str, "")),
        lambda: the_schema(note=(str | None, None)),
        lambda: {**committed()[NAME], "description": "Said otherwise.", "title": "Another"},
    ],
)
def test_optional_field_or_other_words_break_nobody(schema: Callable[[], dict[str, Any]]) -> None:
    assert breaking_changes(committed()[NAME], schema()) == []


def test_break_and_drift_are_named_with_their_remedy() -> None:
    found = problems(committed(), {**current(), NAME: without("consent_id")})
    assert found == [
        f"{NAME}: field consent_id was removed. Give the event a new VERSION and publish both for a while.",
        f"{NAME} differs from its model. Run 'make contracts' and commit the difference.",
    ]


def test_break_is_not_written_over_the_committed_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    before = committed(tmp_path)
    monkeypatch.setattr(snapshots, "current", lambda: {**before, NAME: without("consent_id"), "new.json": {}})
    assert write(tmp_path) == [f"{NAME}: field consent_id was removed"]
    assert committed(tmp_path) == {**before, "new.json": {}}


def test_new_version_is_another_event() -> None:
    class OrderPlacedLater(OrderPlaced):
        VERSION = 2

    assert OrderPlacedLater.type_name() != OrderPlaced.type_name()
    assert issubclass(OrderPlacedLater, Event)


def test_check_fails_on_a_difference(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert snapshots.main(["--check"]) == 0
    monkeypatch.setattr(snapshots, "current", dict)
    assert snapshots.main(["--check"]) == 1
    assert "the event was removed" in capsys.readouterr().err
