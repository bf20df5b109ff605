"""The golden samples committed with the contracts: one per message, and one per event and reader of an envelope."""

import json
from typing import Any

from tink import json_proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.contracts.catalogue import PUBLISHED
from shared.contracts.event import Message
from shared.contracts.snapshots import FOLDER as SCHEMAS
from shared.policy.load import load_policy
from tests.builders import a_record

FOLDER = SCHEMAS.parent / "samples"

Published = Message


def readers_of(event: type[Published]) -> tuple[str, ...]:
    """Whom the policy has this event bring an envelope to."""
    if "sealed" not in event.model_fields:
        return ()
    return load_policy().topic(event.TOPIC).sealed_for


SEALED = tuple((event, reader) for event in PUBLISHED for reader in readers_of(event))
"""Every event with every reader it brings an envelope to."""


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def record_of(name: str) -> Any:
    """The sample as it would come from Kafka."""
    content = sample(name)
    return a_record(
        json.dumps(content["value"], ensure_ascii=False).encode(),
        key=content["key"].encode(),
        headers=[(header, value.encode()) for header, value in content["headers"].items()],
    )


def key_of(content: dict[str, Any]) -> Aead:
    """The data key in a reader's sample."""
    keyset = json.dumps(content["keyset"])
    return json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN).primitive(Aead)
