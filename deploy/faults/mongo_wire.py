"""MongoDB's wire protocol, as far as steps need it: OP_MSG, https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/

A write outside a transaction is a step when the server changed something. Within one, the step is its commit, named by
what it changed: `commit cases(erasing)+outbox`. A status a document is given is part of the name.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson

from deploy.faults.wire import Framed, Part, Step

OP_MSG = 2013
WRITES = {"insert": "documents", "update": "updates", "delete": "deletes", "findAndModify": "update"}
STATUS = ("status", "state")
Document = Mapping[str, Any]


@dataclass(slots=True)
class Transactions:
    """What each transaction of a service changed so far: it may use several connections."""

    changed: dict[tuple[bytes, int], set[str]] = field(default_factory=dict)

    def key(self, command: Document) -> tuple[bytes, int]:
        return bytes(command["lsid"]["id"]), int(command["txnNumber"])


class MongoConversation:
    """`database`: the service's own; others are named before their collections. `addresses`: what the server calls
    itself → what the service is to call it, of the same length."""

    def __init__(self, database: str, transactions: Transactions, addresses: Mapping[bytes, bytes]) -> None:
        self._database = database
        self._transactions = transactions
        self._addresses = addresses
        self._asked: dict[int, Step] = {}
        self._requests = Framed(byteorder="little", counts_itself=True)
        self._replies = Framed(byteorder="little", counts_itself=True)

    def requests(self, data: bytes) -> Iterable[Part]:
        for message in self._requests.whole(data):
            command = _decoded(message)
            step = self._step(command) if command else None
            if step:
                self._asked[_request_id(message)] = step
            yield Part(message, (step,) if step else ())

    def replies(self, data: bytes) -> Iterable[Part]:
        for message in self._replies.whole(data):
            step = self._asked.pop(_response_to(message), None)
            done = (step,) if step and _changed(_decoded(message) or {}) else ()
            for theirs, ours in self._addresses.items():
                message = message.replace(theirs, ours)
            yield Part(message, done)

    def _step(self, command: Document) -> Step | None:
        verb = next(iter(command))
        if verb == "commitTransaction":
            changed = self._transactions.changed.get(self._transactions.key(command))
            return Step("mongodb", f"commit {'+'.join(sorted(changed))}") if changed else None
        if verb not in WRITES:
            return None
        place = str(command[verb]) if command["$db"] == self._database else f"{command['$db']}.{command[verb]}"
        named = place + _status_of(command.get(WRITES[verb], ()))
        if command.get("autocommit") is False:
            key = self._transactions.key(command)
            if command.get("startTransaction"):
                self._transactions.changed[key] = set()
            self._transactions.changed.setdefault(key, set()).add(named)
            return None
        return Step("mongodb", f"{'change' if verb == 'findAndModify' else verb} {named}")


def _status_of(writes: Document | Sequence[Document]) -> str:
    found: set[str] = set()
    for write in [writes] if isinstance(writes, Mapping) else writes:
        change = write.get("u", write)
        for document in [change] if isinstance(change, Mapping) else change:
            values = (part.get(name) for part in (document, document.get("$set", {})) for name in STATUS)
            found |= {value for value in values if isinstance(value, str)}
    return f"({'|'.join(sorted(found))})" if found else ""


def _changed(reply: Document) -> bool:
    """Whether the command did something. A commit answers with `ok` alone."""
    if reply.get("ok") != 1 or (reply.get("writeErrors") and not reply.get("n")):
        return False
    if "lastErrorObject" in reply:
        return bool(reply["lastErrorObject"].get("n"))
    return bool(reply.get("n", 1))


def _request_id(message: bytes) -> int:
    return int(struct.unpack_from("<i", message, 4)[0])


def _response_to(message: bytes) -> int:
    return int(struct.unpack_from("<i", message, 8)[0])


def _decoded(message: bytes) -> dict[str, Any] | None:
    """The command or reply, document sequences put back into it; None where it is of another kind."""
    opcode, flags = struct.unpack_from("<iI", message, 12)
    if opcode != OP_MSG:
        return None
    end = len(message) - (4 if flags & 1 else 0)  # a checksum
    at, body, sequences = 20, {}, {}
    while at < end:
        kind, size = message[at], struct.unpack_from("<i", message, at + 1)[0]
        content = message[at + 1 : at + 1 + size]
        if kind == 0:
            body = bson.decode(content)
        else:
            name, _, documents = content[4:].partition(b"\0")
            sequences[name.decode()] = bson.decode_all(documents)
        at += 1 + size
    return {**body, **sequences}
