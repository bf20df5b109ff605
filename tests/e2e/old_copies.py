"""What a thief of old disks has: a person's wrapped keys as the oplog tells of them, and the files they lie in."""

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, epochs_in
from shared.sealing.wrapping import KeyUnwrapper, WrappedKey
from shared.stores.mongo import Client

NAMESPACE = "keyring.subjects"
Copy = tuple[str, WrappedKey]


async def copies_in_oplog(administrator: Client, subject_id: str) -> list[Copy]:
    """Reader and wrapped key, each as often as it was ever written: at the first order, and re-wrapped."""
    query = {"$or": [{"ns": NAMESPACE}, {"o.applyOps.ns": NAMESPACE}]}
    found: list[Copy] = []
    async for entry in administrator["local"]["oplog.rs"].find(query):
        for operation in entry["o"].get("applyOps", [entry]):
            whose = operation.get("o2", operation["o"]).get("_id")
            if operation["ns"] == NAMESPACE and whose == subject_id:
                found += _keys_in(operation["o"], "")
    return found


def _keys_in(value: Any, name: str) -> Iterator[Copy]:
    """Whatever has the members of a wrapped key, in an inserted document or in an update's difference."""
    if not isinstance(value, dict):
        return
    if value.keys() >= {"epoch", "session", "wrapped"}:
        yield name, WrappedKey(value["epoch"], value["session"], value["wrapped"])
    for key, part in value.items():
        yield from _keys_in(part, key)


def openable(keys_root: Path, copies: Iterable[Copy], subject_id: str) -> set[str]:
    """Readers of whom a private key under the root opens a copy, whatever epoch it says it is of."""
    opened = set()
    for reader, key in copies:
        unwrapper = KeyUnwrapper(KekFiles(keys_root / reader, reader), reader, 1)
        for epoch in {key.epoch, *epochs_in(keys_root / reader / "kek")}:
            try:
                unwrapper.unwrap(replace(key, epoch=epoch), subject_id)
                opened.add(reader)
            except KekUnavailable:
                continue
    return opened


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Files under the folder that hold these bytes, by their path in it."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(needle) >= 0:
                found.append(path.relative_to(folder).as_posix())
    return found
