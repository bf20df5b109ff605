"""`sealed dead-letters list | show | replay | discard`: on the cluster that KAFKA_BOOTSTRAP_SERVERS, KAFKA_USERNAME,
KAFKA_PASSWORD and KAFKA_CA_FILE name, else on the local stack's."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka import AIOKafkaProducer
from rich.console import Console

from deploy.dead_letters import decide, show
from deploy.dead_letters.decision import Reason
from deploy.dead_letters.letters import PREFIX, Letter, letters_in
from deploy.demo.topics import everything
from deploy.local.external import kafka_from_environment
from deploy.local.layout import Layout, default_var
from deploy.local.stack_info import read_stack
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.load import load_policy

app = typer.Typer(help="Messages that services put aside: counts and facts, never their content.", no_args_is_help=True)
console = Console()

Var = Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the running stack is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
Which = Annotated[list[str] | None, typer.Argument(help="Letters, as `list --each` names them: delivery/0/12.")]
Service = Annotated[str | None, typer.Option(help="Only those this service put aside.")]
Topic = Annotated[str | None, typer.Option(help="Only those that came from this topic.")]
Code = Annotated[str | None, typer.Option(help="Only those with this code.")]
Everything = Annotated[bool, typer.Option("--all", help="All that are undecided.")]


@app.command("list")
def list_command(
    service: Service = None,
    topic: Topic = None,
    code: Code = None,
    each: Annotated[bool, typer.Option("--each", help="One by one instead of counts.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print Prometheus metrics, for an alert.")] = False,
    var: Var = default_var(),  # noqa: B008
    as_json: AsJson = False,
) -> None:
    """Count dead letters by service, topic and code."""
    letters = [letter for letter in _letters(var) if _matches(letter, service, topic, code)]
    if metrics:
        typer.echo(show.metrics(letters, datetime.now(UTC)), nl=False)
    elif as_json:
        _print_json([show.facts(letter) for letter in letters] if each else show.counts(letters))
    else:
        console.print(show.letters_table(letters) if each else show.counts_table(letters))


@app.command("show")
def show_command(which: Which, var: Var = default_var(), as_json: AsJson = False) -> None:  # noqa: B008
    """Show what is known of these letters: where they were, why they were put aside, what became of them."""
    letters = _chosen(_letters(var), which, everything=False)
    if as_json:
        _print_json([show.facts(letter) for letter in letters])
    else:
        console.print(show.letters_table(letters))


@app.command("replay")
def replay_command(
    which: Which = None,
    service: Service = None,
    topic: Topic = None,
    code: Code = None,
    everything: Everything = False,
    var: Var = default_var(),  # noqa: B008
    as_json: AsJson = False,
) -> None:
    """Send these letters again to where they came from, once what made them fail is mended."""
    letters = [letter for letter in _letters(var) if _matches(letter, service, topic, code)]
    chosen = _chosen(letters, which, everything=everything or bool(service or topic or code))
    try:
        asyncio.run(_with_producer(var, lambda producer: decide.replay(producer, chosen)))
    except decide.LetterCut as cut:
        raise _stop(str(cut)) from None
    _tell(chosen, "replayed", as_json)


@app.command("discard")
def discard_command(
    reason: Annotated[Reason, typer.Option(help="Why nobody will need them.")],
    which: Which = None,
    service: Service = None,
    topic: Topic = None,
    code: Code = None,
    everything: Everything = False,
    var: Var = default_var(),  # noqa: B008
    as_json: AsJson = False,
) -> None:
    """Write down that these letters need nothing more. Kafka forgets them when their time is over."""
    letters = [letter for letter in _letters(var) if _matches(letter, service, topic, code)]
    chosen = _chosen(letters, which, everything=everything or bool(service or topic or code))
    asyncio.run(_with_producer(var, lambda producer: decide.discard(producer, chosen, reason)))
    _tell(chosen, "discarded", as_json)


def _letters(var: Path) -> list[Letter]:
    topics = [name for name in load_policy().topics if name.startswith(PREFIX)]
    return letters_in(asyncio.run(everything(_kafka(var), topics)))


def _matches(letter: Letter, service: str | None, topic: str | None, code: str | None) -> bool:
    return service in (None, letter.service) and topic in (None, letter.topic) and code in (None, letter.code)


def _chosen(letters: Sequence[Letter], which: Sequence[str] | None, *, everything: bool) -> list[Letter]:
    """Those named; with none named and a filter or --all, every one that is undecided."""
    if which:
        named = {letter.letter_id: letter for letter in letters}
        if unknown := [letter_id for letter_id in which if letter_id not in named]:
            raise _stop(f"There is no dead letter {unknown[0]!r}. See `sealed dead-letters list --each`.")
        return [named[letter_id] for letter_id in which]
    if not everything:
        raise _stop("Name letters, or say which with --service, --topic, --code or --all.")
    return [letter for letter in letters if letter.decision is None]


async def _with_producer(var: Path, act: Callable[[AIOKafkaProducer], Awaitable[None]]) -> None:
    """The administrator's: no service may write to the topic of another, nor to the one of decisions."""
    producer = AIOKafkaProducer(**_kafka(var).client_options(), acks="all")
    await producer.start()
    try:
        await act(producer)
    finally:
        await producer.stop()


def _kafka(var: Path) -> KafkaAddress:
    """An administrator's: of the environment, else of the local stack."""
    return kafka_from_environment() or read_stack(Layout.at(var).stack_json).kafka.address


def _tell(letters: Sequence[Letter], outcome: str, as_json: bool) -> None:
    if as_json:
        _print_json({outcome: [letter.letter_id for letter in letters]})
    else:
        console.print(f"{len(letters)} {outcome}.")


def _stop(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
