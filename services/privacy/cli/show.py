"""How cases and certificates look in a terminal of 80 columns."""

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

STORES = ("intake", "delivery", "notifications", "privacy")
STATE_STYLE = {"closed": "green", "deferred": "yellow", "closing": "cyan"}


def cases_table(cases: list[dict[str, Any]]) -> RenderableType:
    if not cases:
        return Text("No cases.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Case", "State", "Scope", "Deadline", "Left", "Stores"):
        table.add_column(column, no_wrap=True)
    for case in cases:
        table.add_row(
            case["case_id"],
            Text(case["state"], style=STATE_STYLE.get(case["state"], "")),
            case["scope"],
            case["deadline"],
            _left(case),
            f"{len(case['stores_answered'])}/{len(STORES)}",
        )
    return table


def _left(case: dict[str, Any]) -> Text:
    left = case["working_days_left"]
    if left is None:
        return Text("–", style="dim")
    return Text(f"{left} wd", style="bold red" if left < 0 else "yellow" if left <= 3 else "")


def case_panel(case: dict[str, Any]) -> RenderableType:
    heading = Text.assemble(
        (case["state"], f"bold {STATE_STYLE.get(case['state'], '')}"),
        f"  scope {case['scope']}, by {case['channel']}, answer by {case['deadline']}",
    )
    parts: list[RenderableType] = [heading, Text(), _stores(case)]
    for deferral in case["deferrals"]:
        settled = deferral["settled_by"]
        state = f"{settled} {deferral['settled_at']}" if settled else "open"
        parts.append(Text(f"Waits for order {deferral['order_id']}: {state}", style="" if settled else "yellow"))
        if not settled:
            parts.append(Text(deferral["reason"], style="dim"))
    told, answers = case["recipients"]["told"], case["recipients"]["answers"]
    if told:
        parts.append(Text(f"Recipients told: {len(told)}, answered: {len(answers)}"))
    if case["letters"]:
        parts.append(Text("Letters: " + ", ".join(f"{kind} {outcome}" for kind, outcome in case["letters"].items())))
    parts += [
        Text(),
        *(Text(f"{entry['at'][11:19]}  {_words(entry)}", style="dim") for entry in case["timeline"][-12:]),
    ]
    return Panel(Group(*parts), title=f"Case {case['case_id']}", title_align="left", width=80)


def _stores(case: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (("Store", "left"), ("Stopped", "left"), ("Round", "right"), ("Erased", "right"),
                            ("Waits", "right"), ("Kept", "right"), ("Left", "right")):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for store in STORES:
        rounds = sorted((int(number), r[store]) for number, r in case["receipts"].items() if store in r)
        stopped = case["restricted"].get(store, "")[11:19] or "…"
        if not rounds:
            table.add_row(store, stopped, "…", "", "", "", "")
            continue
        erased = sum(_sum(receipt, "destroyed") + _sum(receipt, "depersonalised") for _, receipt in rounds)
        number, last = rounds[-1]
        counts = (str(_sum(last, kind)) for kind in ("deferred", "kept", "residual"))
        table.add_row(store, stopped, str(number), str(erased), *counts)
    return table


def _sum(receipt: dict[str, Any], kind: str) -> int:
    return sum(count[kind] for count in receipt["collections"].values())


def _words(entry: dict[str, Any]) -> str:
    detail = {name: value for name, value in entry.items() if name not in ("at", "what")}
    words = ", ".join(
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in detail.items()
    )
    what = str(entry["what"]).replace("_", " ")
    return f"{what} ({words})" if words else what


def certificate_panel(certificate: dict[str, Any], wrong: list[str]) -> RenderableType:
    if wrong:
        lines = [Text("This certificate does not hold.", style="bold red"), *(Text(f"· {line}") for line in wrong)]
        return Panel(Group(*lines), width=80)
    if "first" in certificate:
        return Panel(Group(*_second(certificate)), width=80)
    receipts = sum(len(stores) for stores in certificate["receipts"].values())
    lines = [
        Text("This certificate holds.", style="bold green"),
        Text(f"Case {certificate['case_id']}, closed {certificate['closed_at']}"),
        Text(f"Subject {certificate['subject_id']}, scope {certificate['scope']}"),
        Text(f"{receipts} signed receipts of {len(certificate['stores'])} stores; after the last round nothing left"),
        Text("Keys destroyed: " + ", ".join(k for k, v in certificate["keys"].items() if v["destroyed_at"])),
        Text(f"Recipients told: {len(certificate['disclosures'])}, answered: {len(certificate['recipients'])}"),
        Text(f"Policy {certificate['policy']['version']}, ledger entry {certificate['ledger']['sequence']}"),
    ]
    return Panel(Group(*lines), width=80)


def _second(certificate: dict[str, Any]) -> list[Text]:
    epochs = "; ".join(f"{reader} {', '.join(ends)}" for reader, ends in certificate["epochs_destroyed"].items())
    last = max(certificate["kafka_copies_gone_by"].values(), default="")
    return [
        Text("This second certificate holds, and so does the first one in it.", style="bold green"),
        Text(f"Case {certificate['case_id']}, closed {certificate['first']['closed_at']}"),
        Text(f"Subject {certificate['subject_id']}"),
        Text("No copy can be read by anybody any more:"),
        Text(f"Key-encryption keys destroyed, by epoch: {epochs}"),
        Text(f"Kafka's retention of sealed messages ended {last}"),
        Text(f"Ledger entry {certificate['ledger']['sequence']}"),
    ]
