"""The registers: what the console keeps of what happens elsewhere (clauses 4.3.2, 5.8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.disclosure_register_store import DisclosureRegisterStore
from services.privacy.console.learn_disclosures import DisclosureLearning
from services.privacy.console.policy_record import PolicyRecord
from services.privacy.console.policy_record_store import PolicyRecordStore
from services.privacy.console.record import Record
from services.privacy.console.store_register import StoreSamples
from services.privacy.console.store_register_store import StoreRegisterStore
from shared.contracts.shipments import CorrectionDisclosed, ShipmentHandedOver
from shared.contracts.store_samples import StoreSampled
from shared.messaging.consume import Handler
from shared.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Registers:
    policies: PolicyRecordStore
    samples: StoreRegisterStore
    disclosures: DisclosureRegisterStore
    record: Record
    policy: Policy

    @property
    def subscriptions(self) -> Mapping[str, dict[type, Handler]]:
        """By topic."""
        learning = DisclosureLearning(self.disclosures, self.policy)
        return {
            "shipments": {
                ShipmentHandedOver: learning.on_handed_over,
                CorrectionDisclosed: learning.on_correction,
            },
            "store-samples": {StoreSampled: StoreSamples(self.samples).on_sampled},
        }

    async def note_policy(self, now: datetime) -> None:
        await PolicyRecord(self.policies, self.record, self.policy).note(now)
