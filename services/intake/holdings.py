"""What the parts of the service share: its stores, and what opens what is in them."""

from dataclasses import dataclass

from services.intake.consent_store import ConsentStore
from services.intake.keyring_store import KeyringStore
from services.intake.opening_store import OpeningStore
from services.intake.order_store import OrderStore
from services.intake.subject_store import SubjectStore
from shared.erasure.ask_stores import Inspections
from shared.messaging.outbox import Outbox
from shared.sealing.opener import Opener
from shared.sealing.people_index import PeopleIndex
from shared.sealing.wrapping import KeyUnwrapper


@dataclass(frozen=True, slots=True)
class Holdings:
    """Given to each part of the service that has a composition root of its own."""

    orders: OrderStore
    consents: ConsentStore
    subjects: SubjectStore
    openings: OpeningStore
    keyring: KeyringStore
    outbox: Outbox
    inspections: Inspections
    people: PeopleIndex
    opener: Opener
    unwrapper: KeyUnwrapper
