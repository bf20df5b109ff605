"""How dead letters look: in a terminal of 80 columns, as JSON, and as metrics for an alert."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from deploy.dead_letters.letters import Letter


def facts(letter: Letter) -> dict[str, Any]:
    """Everything that may be seen of a letter."""
    return {
        "letter": letter.letter_id,
        "service": letter.service,
        "code": letter.code,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "size_bytes": letter.size,
        "whole": not letter.cut,
        "put_aside_at": _iso(letter.put_aside_at),
        "event_id": letter.event_id,
        "event_type": letter.event_type,
        "event_time": _iso(letter.event_time),
        "subject_id": letter.subject_id,
        "outcome": letter.decision.outcome if letter.decision else "undecided",
        "reason": letter.decision.reason if letter.decision else None,
        "decided_at": _iso(letter.decision.decided_at) if letter.decision else None,
    }


def counts(letters: Sequence[Letter]) -> list[dict[str, Any]]:
    """By service, topic and code: how many are undecided, replayed, discarded, and since when the oldest waits."""
    groups: dict[tuple[str, str, str], list[Letter]] = {}
    for letter in letters:
        groups.setdefault((letter.service, letter.topic, letter.code), []).append(letter)
    rows = []
    for (service, topic, code), theirs in sorted(groups.items()):
        outcomes = Counter(facts(letter)["outcome"] for letter in theirs)
        waiting = [letter.put_aside_at for letter in theirs if letter.decision is None]
        rows.append(
            {
                "service": service,
                "topic": topic,
                "code": code,
                **{outcome: outcomes[outcome] for outcome in ("undecided", "replayed", "discarded")},
                "oldest_undecided": _iso(min(waiting, default=None)),
            }
        )
    return rows


def metrics(letters: Sequence[Letter], now: datetime) -> str:
    """For the node exporter's textfile collector: no service may read what is in a dead-letter topic."""
    registry = CollectorRegistry()
    names = ["service", "topic", "code"]
    undecided = Gauge("sealed_dead_letters_undecided", "Nobody replayed or discarded them.", names, registry=registry)
    oldest = Gauge(
        "sealed_dead_letters_oldest_undecided_seconds", "How long the oldest waits.", names, registry=registry
    )
    for row in counts(letters):
        labels = [row[name] for name in names]
        since = row["oldest_undecided"]
        undecided.labels(*labels).set(row["undecided"])
        oldest.labels(*labels).set((now - datetime.fromisoformat(since)).total_seconds() if since else 0)
    return generate_latest(registry).decode()


def counts_table(letters: Sequence[Letter]) -> RenderableType:
    if not letters:
        return Text("No dead letters.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Service", "Topic", "Code", "Undecided", "Replayed", "Discarded"):
        table.add_column(column, justify="right" if column.endswith("ed") else "left")
    for row in counts(letters):
        style = "yellow" if row["undecided"] else ""
        numbers = (str(row[outcome]) for outcome in ("undecided", "replayed", "discarded"))
        table.add_row(row["service"], row["topic"], row["code"], *numbers, style=style)
    return table


def letters_table(letters: Sequence[Letter]) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    for letter in letters:
        for name, value in facts(letter).items():
            table.add_row(Text(name.replace("_", " "), style="dim"), "–" if value is None else str(value))
        table.add_section()
        table.add_row()
    return table


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
