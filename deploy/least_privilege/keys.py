"""Each service, with what is in its own key folder, tries every other's keys, envelopes and signatures.

The keyring's columns are handed to it, as if MongoDB had let it read them: here the cryptography alone has to refuse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from tink.aead import Aead

from deploy.least_privilege.attempt import Attempt
from deploy.local.layout import SERVICES
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import new_id
from shared.policy.access import kek_grants
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, seal, unseal
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, KekFolders
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import SubjectKeys, aead_of
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from shared.stores.receipts import PublicKeys, Signer

KEYS, INDEX = "reader's keys", "blind index of phones and e-mails"
SEAL, OPEN, UNWRAP, READ, SIGN = (
    "seal a session",
    "open a session",
    "unwrap a data key",
    "open an envelope",
    "sign in its name",
)
LOOK_UP = "look up"
NOT_GIVEN: Final = "no-key"
CIPHER: Final = "cipher"
VERIFIER: Final = "signature"
SESSION: Final = b"an attempt at a session key"


@dataclass(frozen=True, slots=True)
class Somebody:
    """A made-up person with a column of keys and an envelope for each reader."""

    subject_id: str
    event_id: str
    columns: dict[str, WrappedKey]
    envelopes: dict[str, bytes]

    def binding(self, reader: str) -> Binding:
        return Binding(self.event_id, OrderPlaced.type_name(), self.subject_id, reader)


@dataclass(frozen=True, slots=True)
class Desk:
    """What one service has: its folder, and the keyring's columns."""

    service: str
    folder: Path
    root: Path
    publisher: str
    person: Somebody

    def seal_a_session(self, reader: str) -> None:
        kek = KekFiles(self.folder, self.service)
        kek.seal(reader, kek.current_epoch(reader), SESSION)

    def open_a_session(self, reader: str) -> None:
        keeper = KekFolders(self.root).sealer()
        epoch = keeper.current_epoch(reader)
        KekFiles(self.folder, reader).open(epoch, keeper.seal(reader, epoch, SESSION))

    def unwrap_a_data_key(self, reader: str) -> None:
        """Posing as the reader, with the only private halves it has."""
        self._unwrapper(reader).unwrap(self.person.columns[reader], self.person.subject_id)

    def open_an_envelope(self, reader: str) -> None:
        for key in self._data_keys():
            try:
                unseal(self.person.envelopes[reader], self.person.binding(reader), key)
            except EnvelopeNotAuthentic:
                continue
            return
        raise EnvelopeNotAuthentic

    def sign_as(self, reader: str) -> None:
        statement = {"store": reader}
        signature = Signer.from_folder(self.folder).sign(statement)
        key_ids = [Signer.from_folder(self.root / service).key_id for service in (self.service, reader)]
        forged = [{**statement, "signature": {**signature, "key_id": key_id}} for key_id in key_ids]
        public = PublicKeys.from_folder(self.root / "public")
        if not any(public.verify(statement, by=reader) for statement in forged):
            raise InvalidSignature

    def look_up(self, _: str) -> None:
        PeopleIndex.from_folder(self.folder).entry("phone", "+77000000042")

    def _unwrapper(self, reader: str) -> KeyUnwrapper:
        return KeyUnwrapper(KekFiles(self.folder, reader), reader, 60)

    def _data_keys(self) -> list[Aead]:
        """Every one it gets at through its own column: the publisher keeps the whole bunch there."""
        subject_id, column = self.person.subject_id, self.person.columns[self.service]
        own = self._unwrapper(self.service)
        if self.service == self.publisher:
            bunch = SubjectKeys.from_column(subject_id, column, own)
            return [bunch.of(reader) for reader in sorted(bunch.readers)]
        return [aead_of(own.unwrap(column, subject_id))]


def attempts(root: Path, policy: Policy) -> list[Attempt]:
    """`root`: of all services' key folders."""
    publisher = next(grant.service for grant in kek_grants(policy) if grant.act == "seal")
    person = _somebody(root, policy, publisher)
    found: list[Attempt] = []
    for service in SERVICES:
        desk = Desk(service, root / service, root, publisher, person)
        acts = {
            SEAL: desk.seal_a_session,
            OPEN: desk.open_a_session,
            UNWRAP: desk.unwrap_a_data_key,
            READ: desk.open_an_envelope,
            SIGN: desk.sign_as,
        }
        found += [_try(service, KEYS, reader, act, run) for reader in policy.readers for act, run in acts.items()]
        found.append(_try(service, INDEX, "", LOOK_UP, desk.look_up))
    return found


def _somebody(root: Path, policy: Policy, publisher: str) -> Somebody:
    keys, event_id = SubjectKeys.create(new_id(), policy.readers), new_id()
    person = Somebody(keys.subject_id, event_id, keys.columns(KeyWrapper(KekFolders(root).sealer(), 60), publisher), {})
    for reader in policy.readers:
        person.envelopes[reader] = seal({"given_name": "Ақбөпе"}, person.binding(reader), keys.of(reader))
    return person


def _try(service: str, kind: str, reader: str, act: str, run: Callable[[str], Any]) -> Attempt:
    def refused(by: str) -> Attempt:
        return Attempt(service, kind, kind, reader, act, by)

    try:
        run(reader)
    except (KekUnavailable, EnvelopeNotAuthentic):
        return refused(NOT_GIVEN if act == SEAL else CIPHER)
    except InvalidSignature:
        return refused(VERIFIER)
    except FileNotFoundError:
        return refused(NOT_GIVEN)
    return Attempt(service, kind, kind, reader, act, None)
