"""Intake's parts that need no database, over key files of the test's own."""

import json
from pathlib import Path
from typing import Any

from services.intake.order import Wanted
from services.intake.order_desk import OrderDesk
from services.intake.order_sealer import OrderSealer
from shared.messaging.cloudevents import new_id
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.sealing.kek_files import KekFiles, create_epoch
from shared.sealing.people_index import PeopleIndex, create_key
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from tests.builders import NOON, order_form

SHOP = "a shop"


class Intake:
    def __init__(self, keys_root: Path, policy: Policy | None = None) -> None:
        self.policy = policy or load_policy()
        for reader in self.policy.readers:
            create_epoch(keys_root, reader, 1)
        create_key(keys_root)
        kek = KekFiles(keys_root / "intake", "intake")
        self.wrapper, self.unwrapper = KeyWrapper(kek, 60), KeyUnwrapper(kek, "intake", 60)
        self.desk = OrderDesk(self.policy, PeopleIndex.from_folder(keys_root / "intake"), shop=SHOP)
        self.sealer = OrderSealer(self.policy, publisher="intake", shop=SHOP)

    def wanted(self, key: str | None = None, **form: Any) -> Wanted:
        return self.desk.take(body_of(**form), key, NOON)

    def somebody(self) -> SubjectKeys:
        return SubjectKeys.create(new_id(), self.policy.readers)


def body_of(**form: Any) -> bytes:
    return json.dumps(order_form(**form)).encode()
