"""What this version makes of samples: started with the previous version's code in reach, that version speaks here.

Reads a folder of samples, prints JSON: `read`: message type → the message as it would be written again, or the code of
why it is unreadable; `opened`: message type and reader → what its view made of the envelope's fields.
"""

import json
import sys
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord
from tink import json_proto_keyset_format, secret_key_access
from tink.aead import Aead, register

from shared.contracts.views import DeliveryView, NotificationsView, PrivacyView
from shared.messaging.cloudevents import Received, Unreadable, read
from shared.sealing.envelope import Binding, unseal

VIEWS = {view.READER: view for view in (DeliveryView, NotificationsView, PrivacyView)}


def made_of(folder: Path) -> dict[str, dict[str, Any]]:
    register()
    samples = {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in sorted(folder.glob("kz.*"))}
    received: dict[str, Received[Any]] = {}
    found: dict[str, Any] = {}
    for name, sample in samples.items():
        if "value" in sample:
            try:
                received[name] = read(_record(sample))
                found[name] = json.loads(received[name].event.model_dump_json())
            except Unreadable as unreadable:
                found[name] = unreadable.code
    opened = {
        name: _opened(sample, received[name.rpartition(".")[0]])
        for name, sample in samples.items()
        if "keyset" in sample and name.rpartition(".")[0] in received
    }
    return {"read": found, "opened": opened}


def _record(sample: dict[str, Any]) -> Any:
    headers = tuple((name, value.encode()) for name, value in sample["headers"].items())
    value = json.dumps(sample["value"], ensure_ascii=False).encode()
    return ConsumerRecord("topic", 0, 0, 0, 0, sample["key"].encode(), value, 0, 32, len(value), headers)


def _opened(sample: dict[str, Any], received: Received[Any]) -> dict[str, Any]:
    reader = sample["reader"]
    key = json_proto_keyset_format.parse(json.dumps(sample["keyset"]), secret_key_access.TOKEN).primitive(Aead)
    binding = Binding(received.event_id, received.event_type, received.event.subject_id, reader)
    fields = unseal(received.event.sealed_readers()[reader], binding, key)
    return VIEWS[reader].model_validate(fields).model_dump(mode="json")


if __name__ == "__main__":
    print(json.dumps(made_of(Path(sys.argv[1]))))
