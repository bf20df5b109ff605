"""One version back and forth: what either version publishes the other reads, envelopes too, and no contract has changed
but so that this stays true."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contracts.breaking import breaking_changes
from shared.contracts.catalogue import PUBLISHED
from shared.contracts.snapshots import FOLDER, committed
from tests.compatibility import read_samples
from tests.compatibility.previous import environment, runs_from, unpacked

TODAY = FOLDER.parent / "samples"
CONTRACTS = Path("shared") / "contracts"
ORDER_PLACED, ERASED = "kz.exl.OrderPlaced.v1.json", "kz.exl.SubjectErased.v1.json"
KINDS = "kz.exl.Made.v1.json"  # made here: no event has a type of its own that is no object
Schemas = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("previous"))


@pytest.fixture(scope="module")
def schemas(previous: Path) -> Schemas:
    return committed(previous / CONTRACTS / "schemas")


def previous_makes(previous: Path, samples: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, read_samples.__file__, str(samples)],
        env={**os.environ, **environment(previous)},
        capture_output=True,
        check=True,
    )
    made: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return made


def differences(samples: Path, made: Mapping[str, Mapping[str, Any]], known: set[str]) -> list[str]:
    """Of the samples of types that the reader knows: what it could not read, or read as something else. A field it does
    not know it may leave out."""
    found = []
    for name in sorted(known):
        sample, read = json.loads((samples / f"{name}.json").read_text()), made["read"][name]
        if isinstance(read, str):
            found.append(f"{name}: {read}")
        else:
            found += [f"{name}: {field}" for field in read if read[field] != sample["value"].get(field, read[field])]
    for name, fields in made["opened"].items():
        sample = json.loads((samples / f"{name}.json").read_text())
        found += [f"{name}: {field}" for field in fields if fields[field] != sample["fields"].get(field)]
    return found


def types_in(schemas: Mapping[str, Any]) -> set[str]:
    return {name.removesuffix(".json") for name in schemas if name.startswith("kz.")}


def test_the_previous_version_is_what_runs(previous: Path) -> None:
    assert runs_from(previous).is_relative_to(previous)


def test_consumers_of_the_previous_version_read_what_is_published_today(previous: Path, schemas: Schemas) -> None:
    made = previous_makes(previous, TODAY)
    consumed = types_in(schemas) & types_in(committed()) - {"kz.exl.LedgerHeadMoved.v1"}  # which nobody consumes
    assert len(made["opened"]) >= 5
    assert differences(TODAY, made, consumed) == []


def test_todays_consumers_read_what_the_previous_version_published(previous: Path, schemas: Schemas) -> None:
    samples = previous / CONTRACTS / "samples"
    made = read_samples.made_of(samples)
    assert len(made["opened"]) >= 5
    assert differences(samples, made, types_in(schemas) - {"kz.exl.LedgerHeadMoved.v1"}) == []


def test_a_difference_is_noticed(previous: Path, schemas: Schemas, tmp_path: Path) -> None:
    name = "kz.exl.OrderPlaced.v1"
    sample = json.loads((TODAY / f"{name}.json").read_text())
    for changed, said in (({"payment_method": "credit"}, "schema-violation"), ({"item_count": "2"}, "item_count")):
        value = {**sample["value"], **changed}
        tmp_path.joinpath(f"{name}.json").write_text(json.dumps({**sample, "value": value}))
        assert differences(tmp_path, previous_makes(previous, tmp_path), {name}) == [f"{name}: {said}"]


def changes(old: Schemas, new: Schemas) -> list[str]:
    return [f"{name}: {change}" for name, schema in old.items() if name != "asyncapi.json"
            for change in breaking_changes(schema, new.get(name))]  # fmt: skip


def test_contracts_have_changed_only_so_that_both_versions_understand_them(schemas: Schemas) -> None:
    assert changes(schemas, committed()) == []


def order(new: Schemas) -> Any:
    return new[ORDER_PLACED]


def field(new: Schemas, name: str) -> Any:
    return order(new)["properties"][name]


PLANTED: dict[str, Callable[[Schemas], Any]] = {
    "an event removed": lambda new: new.pop(ORDER_PLACED),
    "a field removed": lambda new: order(new)["properties"].pop("consent_id"),
    "a field that older publishers do not send": lambda new: order(new)["required"].append("note"),
    "a field that newer publishers may leave out": lambda new: order(new)["required"].remove("item_count"),
    "a value that older consumers do not know": lambda new: field(new, "payment_method")["enum"].append("credit"),
    "a value that older publishers still send": lambda new: field(new, "payment_method")["enum"].remove("prepaid"),
    "a bound that older publishers do not keep": lambda new: field(new, "item_count").update(minimum=2),
    "a field of a part removed": lambda new: new[ERASED]["$defs"]["CollectionCount"]["properties"].pop("residual"),
    "a value removed from a type of its own": lambda new: new[KINDS]["$defs"]["Kind"]["enum"].pop(),
    "unknown fields refused": lambda new: order(new).update(additionalProperties=False),
    "a field of an envelope removed": lambda new: new["view.delivery.json"]["properties"].pop("phone"),
    "a field of an envelope retyped": lambda new: new["view.delivery.json"]["properties"]["phone"].pop("anyOf"),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_a_planted_change_that_breaks_one_of_them_is_found(plant: Callable[[Schemas], Any], schemas: Schemas) -> None:
    old = {
        **schemas,
        KINDS: {"properties": {"kind": {"$ref": "#/$defs/Kind"}}, "$defs": {"Kind": {"enum": ["a", "b"]}}},
    }
    new = deepcopy(old)
    plant(new)
    assert changes(old, new) != []


def test_a_field_that_may_be_there_breaks_nobody(schemas: Schemas) -> None:
    new = deepcopy(schemas)
    new[ORDER_PLACED]["properties"]["note"] = {"type": "string", "default": ""}
    assert changes(schemas, new) == []


def unheard_of(previous: Path, schemas: Schemas, published: Mapping[str, str]) -> list[str]:
    """Types that the previous version would put aside as unreadable: new ones, on a topic that it reads."""
    topics = yaml.safe_load((previous / "shared" / "policy" / "policy.yaml").read_text())["topics"]
    read = {name for name, topic in topics.items() if topic["consumers"]}
    return sorted(name for name, topic in published.items() if topic in read and name not in types_in(schemas))


def test_a_new_event_is_on_no_topic_that_the_previous_version_reads(previous: Path, schemas: Schemas) -> None:
    """After a rollback it would go to the dead letters. It gets a topic of its own, or waits for one release."""
    published = {event.type_name(): str(event.TOPIC) for event in PUBLISHED if isinstance(event.TOPIC, str)}
    assert unheard_of(previous, schemas, published) == []
    assert unheard_of(previous, schemas, {**published, "kz.exl.OrderDoubted.v1": "orders"}) == [
        "kz.exl.OrderDoubted.v1"
    ]
    assert unheard_of(previous, schemas, {**published, "kz.exl.OrderDoubted.v1": "doubts"}) == []
