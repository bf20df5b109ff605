"""Clause 4.3.3: a log holds ids, counts and codes. A person's name put anywhere into a message comes out nowhere."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from deploy.local.layout import ROOT
from tests.unit.observability.secret import NAME

FORMS = [NAME, *NAME.split(), json.dumps(NAME).strip('"'), repr(NAME.encode()).strip("b'"), ascii(NAME).strip("'")]


def spoken(form: str) -> str:
    """All a process wrote, on both streams."""
    command = (sys.executable, "-m", "tests.unit.observability.speak", form)
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return process.stdout + process.stderr


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in spoken("json").splitlines()]


@pytest.fixture(scope="module")
def by_event(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["event"]: line for line in lines}


CASES = [
    *("unknown-keys", "stack", "exception", "exception-tuple", "chain", "group", "pydantic"),
    *("pymongo-bulk", "pymongo-duplicate", "pymongo-write", "current", "context", "bound"),
]


@pytest.mark.parametrize("form", ["json", "console"])
def test_name_is_nowhere(form: str) -> None:
    text = spoken(form)
    assert not [shape for shape in FORMS if shape in text]


def test_name_would_have_been_found() -> None:
    """The search finds the name where it is logged without this configuration."""
    program = (
        "import logging; from tests.unit.observability import speak;"
        "logging.basicConfig(); speak.library_messages(); speak.own_messages()"
    )
    process = subprocess.run((sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=True)
    assert (process.stdout + process.stderr).count(NAME) > 20


@pytest.mark.parametrize("case", CASES)
def test_message_itself_is_written(by_event: dict[str, dict[str, Any]], case: str) -> None:
    assert by_event[f"case-{case}"]["service"] == "delivery"
    assert by_event[f"case-{case}"]["logger"] == "services.delivery"


def test_unknown_keys_are_dropped_and_known_ones_kept(by_event: dict[str, dict[str, Any]]) -> None:
    assert set(by_event["case-unknown-keys"]) == {"event", "level", "logger", "order_id", "service", "timestamp"}


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("exception", "ValueError"),
        ("exception-tuple", "ValueError"),
        ("chain", "RuntimeError"),
        ("group", "ExceptionGroup"),
        ("pydantic", "ValidationError"),
        ("pymongo-bulk", "BulkWriteError"),
        ("current", "KeyError"),
        ("library-exception %d", "ValueError"),
    ],
)
def test_exception_is_its_type_and_the_places_it_passed(
    by_event: dict[str, dict[str, Any]], case: str, error: str
) -> None:
    line = by_event[f"case-{case}"]
    assert line["error"] == error
    assert all(re.fullmatch(r"\w+\.py:\d+ \w+", place) for place in line["where"])
    assert {"exception", "exc_info", "stack", "stack_info"}.isdisjoint(line)


def test_librarys_template_is_kept_without_what_fills_it(by_event: dict[str, dict[str, Any]]) -> None:
    assert by_event["case-template %s"]["logger"] == "some.library"
    assert "case-template-mapping %(name)s" in by_event
    assert "case-aiokafka %r" in by_event


def test_of_a_librarys_formatted_message_only_its_speaker_is_kept(lines: list[dict[str, Any]]) -> None:
    speakers = [line["logger"] for line in lines if line["event"] == line["logger"]]
    assert speakers.count("some.library") == 2
    assert speakers.count("py.warnings") >= 2
    assert speakers.count("asyncio") == 1


def test_values_of_extra_keys_do_not_pass_as_known_ones(by_event: dict[str, dict[str, Any]]) -> None:
    assert "fields" not in by_event["case-extra %d"]


def test_quiet_libraries_stay_quiet(lines: list[dict[str, Any]]) -> None:
    assert not [line for line in lines if line["logger"] in ("pymongo.command", "uvicorn.access")]
