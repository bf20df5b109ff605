"""The demo's screen: 80 columns, one heading a step, progress where something takes time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.demo.scan import Finding
from deploy.demo.who_can_open import Attempt
from services.privacy.cli.show import case_panel

WIDTH = 80


class Screen:
    def __init__(self) -> None:
        self.console = Console(width=WIDTH, highlight=False)
        self._number = 0

    def opening(self, cache_seconds: float) -> None:
        self.console.print("[bold]Sealed Orders[/]: a privacy policy, running")
        self.console.print(
            f"[dim]Real parts: mongod, a Kafka-protocol broker, SMTP, four services. Services may keep a person's key "
            f"for {cache_seconds:g} s here (60 s in production), so the second pass comes soon.[/]\n"
        )

    def starting(self, part: str, line: str) -> None:
        self.console.print(f"   [dim]{part}[/] {line}")

    def failed(self, why: str, log: Path) -> None:
        self.console.print(f"\n[bold red]The demo did not come to its end.[/] {why}\nThe parts' logs are in {log}.")

    def step(self, title: str, what: str) -> None:
        self._number += 1
        self.console.print(f"\n[bold cyan]{self._number}  {title}[/]")
        self.console.print(f"   [dim]{what}[/]\n")

    def say(self, text: str) -> None:
        self.console.print(f"   {text}")

    def imported(self, accepted: int, refused: Sequence[dict[str, Any]]) -> None:
        self.say(f"[green]{accepted} accepted[/], [yellow]{len(refused)} refused[/]:")
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 3))
        table.add_column("Line", justify="right", no_wrap=True)
        table.add_column("Field", no_wrap=True)
        table.add_column("Rule")
        for line in refused:
            for error in line["errors"]:
                table.add_row(str(line["line"]), error["field"], error["rule"])
        self.console.print(table)

    def attempts(self, attempts: Sequence[Attempt]) -> None:
        table = Table(pad_edge=False, header_style="bold", expand=True)
        table.add_column("Envelope", no_wrap=True)
        services = list(dict.fromkeys(tried.service for tried in attempts))
        for service in services:
            table.add_column(f"{service} tries", ratio=1)
        for reader in dict.fromkeys(tried.reader for tried in attempts):
            cells = [_attempt(tried) for tried in attempts if tried.reader == reader]
            table.add_row(f"for {reader}", *cells)
        self.console.print(table)

    def messages(self, mails: int, texts: int, partner_fields: Sequence[str]) -> None:
        self.say(f"{mails} e-mails and {texts} SMS really arrived.")
        self.say(f"The courier partner holds: {', '.join(partner_fields)}.")

    @contextmanager
    def watching(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        with Live(console=self.console, refresh_per_second=8) as live:
            yield lambda case: live.update(case_panel(case))

    def replayed(self, sent: int, consumed: int, changed: dict[str, Any], keys: int, mails: int) -> None:
        self.say(f"{sent} messages sent again, {consumed} consumed again.")
        self.say(f"Collections changed: {len(changed)}. Keys brought back: {keys}. Messages sent: {mails}.")

    def scanned(self, planted: int, size: int, messages: int, values: int, findings: Sequence[Finding]) -> None:
        self.say(f"First a made-up name was planted in a database, a topic and a log: found {planted} times.")
        self.say(f"Then {values} values of two people in {size / 1e6:.0f} MB and {messages} messages:")
        self.say(f"[bold green]found {len(findings)}[/]" if not findings else f"[bold red]found {len(findings)}[/]")
        for finding in findings[:20]:
            self.say(f"[red]{finding.value} as {finding.encoding} in {finding.where}[/]")

    def summary(self, report: dict[str, Any]) -> None:
        orders, scan = report["orders"], report["scan"]
        lines = (
            f"{orders['accepted']} orders flowed to those who may see part of them",
            f"{report['messages']['emails']} e-mails sent, {report['messages']['sms']} SMS, "
            f"{report['messages']['waybills']} waybills",
            "2 people withdrew: 1 at once, 1 when the parcel had arrived",
            f"{report['replay']['messages']} messages replayed: nothing changed",
            f"{report['certificates']['verified']} certificates verified, forgeries refused",
            f"{scan['bytes'] / 1e6:.0f} MB and {scan['messages']} messages searched: {scan['found']} found",
        )
        self.console.print("\n[bold green]Done[/] in " + f"{report['seconds']} s")
        for line in lines:
            self.say(f"[green]✓[/] {line}")


def _attempt(tried: Attempt) -> str:
    if tried.fields:
        return "\n".join(f"[green]✓[/] {name}" for name in tried.fields)
    return "\n".join(f"[red]✗[/] {reason}" for reason in tried.refused_by)
