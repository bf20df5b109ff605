"""Free loopback ports, the same ones in every run of a stack as long as they are free.

They are drawn from below the ephemeral range. A port that the kernel gives for port 0 lies inside it, and while a
killed service waits to be started again, any outgoing connection may be given that same port.
"""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from deploy.local.part import StackError

FIRST, LAST = 20_000, 32_000


class NoFreePort(StackError):
    def __init__(self) -> None:
        super().__init__(f"Every port tried between {FIRST} and {LAST} is taken. Stop what holds them.")


def choose_ports(names: Iterable[str], remembered: Path) -> Mapping[str, int]:
    """A port per name, not one of another name, though nobody may hold that yet: two that reuse addresses may bind the
    same, as long as neither listens. Raises NoFreePort."""
    previous = json.loads(remembered.read_text()) if remembered.exists() else {}
    spoken_for = set(previous.values())
    chosen: dict[str, int] = {}
    with ExitStack() as held:  # each stays bound until all are chosen, so that nobody else takes it
        for name in names:
            candidates = [previous[name]] if name in previous and previous[name] not in chosen.values() else []
            candidates += [port for port in random.sample(range(FIRST, LAST), 100) if port not in spoken_for]
            listener = held.enter_context(closing(_bind_first(candidates)))
            chosen[name] = listener.getsockname()[1]
            spoken_for.add(chosen[name])
    remembered.write_text(json.dumps({**previous, **chosen}, indent=1))
    return chosen


def _bind_first(candidates: list[int]) -> socket.socket:
    for port in candidates:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
        else:
            return listener
    raise NoFreePort
