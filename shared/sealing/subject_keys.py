"""The data keys of one subject, as the publisher holds them: one per reader.

The publisher's own keyring column keeps the whole bunch, so that a later order of the same person is sealed under
the same keys; every other column holds that reader's key alone.
"""

from collections.abc import Iterable

import tink
from pydantic_core import from_json, to_json
from tink import aead, proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey

aead.register()
TEMPLATE = aead.aead_key_templates.AES256_GCM_RAW


class SubjectKeys:
    """In memory only. Prints nothing of itself."""

    __slots__ = ("_handles", "_material", "_primitives", "subject_id")

    def __init__(
        self, subject_id: str, material: dict[str, bytes], handles: dict[str, tink.KeysetHandle] | None = None
    ) -> None:
        self.subject_id = subject_id
        self._material = material
        self._handles = handles or {}
        self._primitives: dict[str, Aead] = {}

    def __repr__(self) -> str:
        return f"SubjectKeys({self.subject_id})"

    @classmethod
    def create(cls, subject_id: str, readers: Iterable[str]) -> "SubjectKeys":
        handles = {reader: tink.new_keyset_handle(TEMPLATE) for reader in readers}
        material = {
            reader: proto_keyset_format.serialize(handle, secret_key_access.TOKEN) for reader, handle in handles.items()
        }
        return cls(subject_id, material, handles)

    @property
    def readers(self) -> frozenset[str]:
        """Who could be sealed for: those the policy had when the subject was new."""
        return frozenset(self._material)

    def of(self, reader: str) -> Aead:
        """Made when it is asked for: an order is not sealed for every reader."""
        if reader not in self._primitives:
            handle = self._handles.get(reader)
            self._primitives[reader] = handle.primitive(Aead) if handle else aead_of(self._material[reader])
        return self._primitives[reader]

    def columns(self, wrapper: KeyWrapper, publisher: str) -> dict[str, WrappedKey]:
        """`keys` of the keyring document: each reader's own key, and the publisher's bunch."""
        return {
            reader: wrapper.wrap(
                to_json({name: value.hex() for name, value in self._material.items()})
                if reader == publisher
                else material,
                self.subject_id,
                reader,
            )
            for reader, material in self._material.items()
        }

    @classmethod
    def from_column(cls, subject_id: str, column: WrappedKey, unwrapper: KeyUnwrapper) -> "SubjectKeys":
        bunch = from_json(unwrapper.unwrap(column, subject_id))
        return cls(subject_id, {reader: bytes.fromhex(value) for reader, value in bunch.items()})


class PublisherUnwrapper:
    """A publisher's side when it opens what it sealed for itself: its column holds the bunch, and its own key in it."""

    def __init__(self, unwrapper: KeyUnwrapper, publisher: str) -> None:
        self._unwrapper = unwrapper
        self._publisher = publisher

    async def prepare(self, keys: Iterable[WrappedKey]) -> None:
        await self._unwrapper.prepare(keys)

    def unwrap(self, key: WrappedKey, subject_id: str) -> bytes:
        """The publisher's own key material. Raises as `KeyUnwrapper.unwrap`."""
        bunch: dict[str, str] = from_json(self._unwrapper.unwrap(key, subject_id))
        return bytes.fromhex(bunch[self._publisher])


def aead_of(material: bytes) -> Aead:
    """The primitive of serialised data-key material."""
    return proto_keyset_format.parse(material, secret_key_access.TOKEN).primitive(Aead)
