"""What the proxy makes of MongoDB's messages."""

import struct
from typing import Any

import bson

from deploy.faults.mongo_wire import MongoConversation, Transactions
from deploy.faults.wire import Part

SESSION = {"lsid": {"id": b"\x01" * 16}, "txnNumber": 7}


def message(body: dict[str, Any], *, number: int = 1, answers: int = 0, **sequences: list[dict[str, Any]]) -> bytes:
    """An OP_MSG, with document sequences beside its body as drivers send them."""
    sections = b"\0" + bson.encode(body)
    for name, documents in sequences.items():
        content = name.encode() + b"\0" + b"".join(map(bson.encode, documents))
        sections += b"\1" + struct.pack("<i", len(content) + 4) + content
    return struct.pack("<iiiiI", 20 + len(sections), number, answers, 2013, 0) + sections


def a_conversation(transactions: Transactions | None = None, **addresses: bytes) -> MongoConversation:
    return MongoConversation("delivery", transactions or Transactions(), {b"1.1.1.1:10": b"2.2.2.2:20"})


def steps(parts: Any) -> list[str]:
    return [str(step) for part in parts for step in part.steps]


def insert(collection: str, *, number: int = 1, **more: Any) -> bytes:
    return message({"insert": collection, "$db": "delivery", **more}, number=number, documents=[{"_id": 1}])


def test_a_write_is_a_step_when_the_server_has_changed_something() -> None:
    talk = a_conversation()
    assert steps(talk.requests(insert("shipments"))) == ["mongodb insert shipments"]
    assert steps(talk.replies(message({"n": 1, "ok": 1.0}, answers=1))) == ["mongodb insert shipments"]
    list(talk.requests(insert("shipments", number=2)))
    assert steps(talk.replies(message({"n": 0, "ok": 1.0}, answers=2))) == []
    list(talk.requests(insert("shipments", number=3)))
    assert steps(talk.replies(message({"ok": 0.0, "code": 112}, answers=3))) == []


def test_a_status_is_part_of_the_name() -> None:
    update = {"q": {}, "u": {"$set": {"status": "handing_over"}}}
    request = message({"update": "shipments", "$db": "delivery"}, updates=[update])
    assert steps(a_conversation().requests(request)) == ["mongodb update shipments(handing_over)"]


def test_a_transaction_is_its_commit_whatever_connections_it_used() -> None:
    shared = Transactions()
    first, second = a_conversation(shared), a_conversation(shared)
    begin = insert("outbox", **SESSION, autocommit=False, startTransaction=True)
    assert steps(first.requests(begin)) == []
    assert steps(second.requests(insert("shipments", **SESSION, autocommit=False))) == []
    commit = message({"commitTransaction": 1, "$db": "admin", **SESSION, "autocommit": False}, number=9)
    assert steps(first.requests(commit)) == ["mongodb commit outbox+shipments"]
    assert steps(first.replies(message({"ok": 1.0}, answers=9))) == ["mongodb commit outbox+shipments"]


def test_a_transaction_begun_anew_forgets_its_first_attempt() -> None:
    talk = a_conversation()
    list(talk.requests(insert("outbox", **SESSION, autocommit=False, startTransaction=True)))
    list(talk.requests(insert("shipments", **SESSION, autocommit=False, startTransaction=True)))
    commit = message({"commitTransaction": 1, "$db": "admin", **SESSION, "autocommit": False})
    assert steps(talk.requests(commit)) == ["mongodb commit shipments"]


def test_a_transaction_that_changed_nothing_is_no_step() -> None:
    commit = message({"commitTransaction": 1, "$db": "admin", **SESSION, "autocommit": False})
    assert steps(a_conversation().requests(commit)) == []


def test_another_database_is_named_and_a_read_is_no_step() -> None:
    other = message({"insert": "subjects", "$db": "keyring"}, documents=[{"_id": 1}])
    assert steps(a_conversation().requests(other)) == ["mongodb insert keyring.subjects"]
    assert steps(a_conversation().requests(message({"find": "shipments", "$db": "delivery"}))) == []


def test_every_byte_is_passed_on_however_it_is_cut() -> None:
    whole = insert("shipments") + insert("outbox", number=2)
    talk = a_conversation()
    parts = [part for at in range(len(whole)) for part in talk.requests(whole[at : at + 1])]
    assert b"".join(part.data for part in parts) == whole
    assert steps(parts) == ["mongodb insert shipments", "mongodb insert outbox"]


def test_the_server_is_called_by_the_proxy_s_address() -> None:
    (part,) = a_conversation().replies(message({"hosts": ["1.1.1.1:10"], "ok": 1.0}, answers=1))
    assert isinstance(part, Part)
    assert b"2.2.2.2:20" in part.data
    assert b"1.1.1.1:10" not in part.data
