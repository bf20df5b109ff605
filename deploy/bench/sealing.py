"""(b) Seal and open for new subjects, against MongoDB's explicit encryption with a key per subject."""

import os
import time
from pathlib import Path

from bson.binary import STANDARD
from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.encryption import ClientEncryption

from deploy.bench.measure import Measured, in_turn
from deploy.demo.people import WAITING
from shared.messaging.cloudevents import new_id
from shared.sealing.envelope import Binding, seal, unseal
from shared.sealing.kek_files import KekFiles, create_epoch
from shared.sealing.subject_keys import SubjectKeys, aead_of
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper, WrappedKey
from shared.stores.mongo import Document

SUBJECTS = 300
ROUNDS = 5
AIM = 20.0
READER, PUBLISHER = "delivery", "intake"
VAULT = "bench_keys.vault"
ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
FIELDS = {
    "family_name": WAITING["name"]["family"],
    "given_name": WAITING["name"]["given"],
    "phone": WAITING["phone"],
    "delivery_address": WAITING["delivery_address"],
}


async def measure(mongodb_uri: str, scratch: Path) -> Measured:
    """Both sides, per new subject: make a data key, store it wrapped in MongoDB, encrypt the same four fields; then
    a reader that starts with nothing reads the key, unwraps it and decrypts. Ours stores and reads keys a batch at a
    time, as the services do; explicit encryption has no such call."""
    create_epoch(scratch, READER, 1)
    with MongoClient[Document](mongodb_uri) as client:

        async def theirs() -> float:
            return _explicit_encryption(client)

        async def ours() -> float:
            return _sealing(client, scratch)

        mine, other = await in_turn(ours, theirs, ROUNDS)
    return Measured("b. seal + open, new subjects", mine, other, AIM, "subjects/s")


def _sealing(client: "MongoClient[Document]", keys: Path) -> float:
    wrapper = KeyWrapper(KekFiles(keys / PUBLISHER, PUBLISHER), 60)
    unwrapper = KeyUnwrapper(KekFiles(keys / READER, READER), READER, 60)
    keyring = client["bench_keys"]["subjects"]
    started = time.perf_counter()
    documents: list[Document] = []
    sealed: list[tuple[Binding, bytes]] = []
    for _ in range(SUBJECTS):
        subject = SubjectKeys.create(new_id(), [READER])
        binding = Binding(new_id(), "kz.exl.OrderPlaced.v1", subject.subject_id, READER)
        documents.append({"_id": subject.subject_id, **subject.columns(wrapper, PUBLISHER)[READER].document()})
        sealed.append((binding, seal(FIELDS, binding, subject.of(READER))))
    keyring.insert_many(documents, ordered=False)
    columns = {d["_id"]: d for d in keyring.find({"_id": {"$in": [binding.subject_id for binding, _ in sealed]}})}
    for binding, envelope in sealed:
        column = columns[binding.subject_id]
        wrapped = WrappedKey(column["epoch"], column["session"], column["wrapped"])
        key = aead_of(unwrapper.unwrap(wrapped, binding.subject_id))
        assert unseal(envelope, binding, key)["phone"] == FIELDS["phone"]
    return SUBJECTS / (time.perf_counter() - started)


def _explicit_encryption(client: "MongoClient[Document]") -> float:
    providers = {"local": {"key": os.urandom(96)}}
    options: CodecOptions[Document] = CodecOptions(uuid_representation=STANDARD)
    writer: ClientEncryption[Document] = ClientEncryption(providers, VAULT, client, options)
    reader: ClientEncryption[Document] = ClientEncryption(providers, VAULT, client, options)
    try:
        started = time.perf_counter()
        for _ in range(SUBJECTS):
            key_id = writer.create_data_key("local")
            sealed = writer.encrypt(FIELDS, ALGORITHM, key_id=key_id)
            assert reader.decrypt(sealed)["phone"] == FIELDS["phone"]
        return SUBJECTS / (time.perf_counter() - started)
    finally:
        writer.close()
        reader.close()
