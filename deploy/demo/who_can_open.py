"""Side by side: what each service can and can't open of one order, tried with that service's own credentials."""

from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import OperationFailure

from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import Received
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, EnvelopeNotAuthentic, unseal
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import Held, KeyringReader
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import DATABASE, MongoKeyringView, view_name
from shared.stores.mongo import Client

NOT_AUTHORISED = 13


@dataclass(frozen=True, slots=True)
class Attempt:
    """One service's try at one reader's envelope. `fields`: names it read; `refused_by`: who stopped it, and how."""

    service: str
    reader: str
    fields: tuple[str, ...]
    refused_by: tuple[str, ...]


async def attempt(
    service: str, reader: str, order: Received[OrderPlaced], client: Client, keys_dir: Path, policy: Policy
) -> Attempt:
    """`client` is logged in as the service; `keys_dir` is the service's own folder."""
    subject_id = order.event.subject_id
    keyring = KeyringReader(
        MongoKeyringView(client, service), KeyUnwrapper(KekFiles(keys_dir, service), service, 1), max_age_seconds=1
    )
    refusals: list[str] = []
    if reader != service:
        try:
            await client[DATABASE][view_name(reader)].find_one({"_id": subject_id})
        except OperationFailure as refused:
            refusals.append(f"MongoDB code {refused.code}")
    envelope = order.event.sealed_readers().get(reader)
    state = await keyring.state(subject_id, fresh=True)
    if envelope is None or not isinstance(state, Held):
        return Attempt(service, reader, (), (*refusals, "no envelope" if envelope is None else "no key any more"))
    try:
        opened = unseal(envelope, Binding(order.event_id, order.event_type, subject_id, reader), state.key())
    except EnvelopeNotAuthentic:
        return Attempt(service, reader, (), (*refusals, "cipher: not authentic"))
    return Attempt(service, reader, tuple(sorted(opened.keys() & policy.fields_for(service))), tuple(refusals))
