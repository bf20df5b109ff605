"""Whether a command of `sealed`, of `python -m` or of `make` is one that there is, with its options and arguments."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_args

from typer.main import get_command

from deploy.local.layout import SERVICES

ROOT: Final = Path(__file__).parents[2]
TARGET: Final = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)
VARIABLE: Final = re.compile(r"\$[({](\w+)[)}]|^(?:ifeq \(\$\()?(\w+) \?=", re.MULTILINE)


def sealed_faults(arguments: Sequence[str], module: str = "deploy.cli", *, whole: bool = True) -> Iterator[str]:
    """`arguments`: without the program's name. Nothing is run: only the command line is read. Not `whole`: it may end
    early."""
    command: Any = get_command(import_module(module).app)
    context, rest = None, list(arguments)
    while True:
        if "--help" in rest:
            return
        context = command.context_class(command, info_name=command.name, parent=context)
        try:
            given, left, _ = command.make_parser(context).parse_args(rest)
        except Exception as error:
            yield f"{command.name}: {getattr(error, 'message', error)}"
            return
        if not hasattr(command, "commands"):
            yield from _argument_faults(command, given, left, whole)
            return
        if not (left or whole):
            return
        if not left or left[0] not in command.commands:
            yield f"{command.name} has no command {left[0] if left else '(none given)'}"
            return
        command, rest = command.commands[left[0]], left[1:]


def module_faults(arguments: Sequence[str]) -> Iterator[str]:
    """Of `python -m MODULE …`."""
    match arguments:
        case ["-m", module, *rest] if find_spec(module):
            if find_spec(f"{module}.__main__"):
                yield from sealed_faults(rest, f"{module}.__main__")
        case _:
            yield f"python {' '.join(arguments[:2])}: there is no such module"


def make_faults(arguments: Sequence[str]) -> Iterator[str]:
    text = (ROOT / "Makefile").read_text()
    targets = set(TARGET.findall(text))
    variables = {name for found in VARIABLE.findall(text) for name in found if name}
    for word in arguments:
        name, assigned, _ = word.partition("=")
        if assigned and name not in variables:
            yield f"the Makefile reads no {name}"
        if not assigned and word not in targets:
            yield f"the Makefile has no target {word}"


def _argument_faults(command: Any, given: dict[str, Any], left: Sequence[str], whole: bool) -> Iterator[str]:
    if left:
        yield f"{command.name} takes no argument {left[0]}"
    for parameter in command.params:
        listed = get_args(parameter.type_descriptor.annotation)
        if listed and all(isinstance(one, str) for one in listed) and given.get(parameter.name) not in (None, *listed):
            yield f"{command.name} knows no {parameter.name} {given[parameter.name]}"
        unset = given.get(parameter.name) in (None, "", (), [])
        if whole and parameter.required and unset and not parameter.envvar:
            yield f"{command.name} needs {parameter.name}"


@cache
def code() -> str:
    """What reads settings: code, scripts and manifests."""
    folders = (ROOT / name for name in ("deploy", "services", "shared"))
    read = (path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sh", ".yaml"))
    return "\n".join([*(path.read_text() for path in read), (ROOT / "Makefile").read_text()])


def is_known(variable: str) -> bool:
    """Where a service is, commands read under a name that is put together (shared/http/console.py)."""
    where_they_are = {f"SEALED_{service.upper()}_URL" for service in SERVICES}
    return variable in where_they_are or re.search(rf"\b{variable}\b", code()) is not None
