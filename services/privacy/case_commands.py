"""What a case's effects say to the stores, as events with random ids only. No driver, nothing is sent here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from services.privacy.case import Case
from services.privacy.case_facts import Effect, Erase, Fence, Restrict, Rules
from services.privacy.suppression_entry import suppression_of
from shared.contracts.erasure import EraseSubject, RestrictSubject, Store
from shared.contracts.suppressions import SubjectSuppressed
from shared.messaging.cloudevents import Outgoing, new_id

FROM_INTAKE: Final = ("shop", "web")  # the channels of what comes in as an event, dated by intake


def reminder(case: Case, rules: Rules) -> tuple[Effect, ...]:
    """What is asked again of the stores that have not answered."""
    if case.state == "restricting":
        return (Restrict(tuple(store for store in rules.stores if store not in case.restricted)),)
    answered = case.receipts_of(case.round)
    return (Erase(tuple(store for store in rules.stores if store not in answered), case.round, case.open_orders),)


def commands_of(case: Case, effects: Sequence[Effect], now: datetime) -> list[Outgoing]:
    """The commands these effects publish: random ids only."""
    events: list[RestrictSubject | EraseSubject | SubjectSuppressed] = []
    for effect in effects:
        match effect:
            case Fence():
                events.append(suppression_of(case))
            case Restrict(stores):
                events.extend(
                    RestrictSubject.model_construct(
                        subject_id=case.subject_id, case_id=case.case_id, store=cast(Store, store), scope=case.scope
                    )
                    for store in stores
                )
            case Erase(stores, round_, open_orders):
                events.extend(
                    EraseSubject.model_construct(
                        subject_id=case.subject_id,
                        case_id=case.case_id,
                        store=cast(Store, store),
                        round=round_,
                        open_orders=open_orders,
                    )
                    for store in stores
                )
    # A choice the person makes later stands. Intake's requests are dated by the clock that dates choices: ours may be
    # off, and would undo a later one.
    asked = case.received_at if case.channel in FROM_INTAKE else now
    return [Outgoing(event, new_id(), asked if isinstance(event, RestrictSubject) else now) for event in events]
