"""A person withdraws consent (clause 5.9.1, Law 94-V art. 8): a case is opened, dated at receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.privacy.case import Case
from services.privacy.case_progress import followed
from services.privacy.erase_subject import ErasureProcess
from services.privacy.keyring_keeper import KeyringKeeper
from shared.contracts.consents import ConsentWithdrawn, Scope
from shared.messaging.cloudevents import Received, new_id
from shared.messaging.consume import Outcome
from shared.observability.tracing import cause_of
from shared.policy.model import Policy
from shared.policy.working_days import deadline

WITHDRAWAL_PERIOD = "withdrawal"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    subject_id: str
    scope: Scope
    channel: str
    received_at: datetime


class ConsentWithdrawals:
    def __init__(self, process: ErasureProcess, keyring: KeyringKeeper, policy: Policy) -> None:
        self._process = process
        self._keyring = keyring
        self._days = policy.period(WITHDRAWAL_PERIOD).number

    async def withdraw(self, withdrawal: Withdrawal, now: datetime, case_id: str | None = None) -> Case:
        """The running case: a new one, or the one already open for this subject and scope. `case_id`: where the
        request may be repeated and is to open nothing twice."""
        case = self._case(case_id or new_id(), withdrawal)
        return (await self._process.open([case], now))[withdrawal.subject_id]

    async def on_consent_withdrawn(self, batch: Sequence[Received[ConsentWithdrawn]]) -> Outcome:
        """The event does the same; its id is the case's, so that a replay opens nothing twice."""
        known = await self._keyring.exists([received.event.subject_id for received in batch])
        outcome = Outcome(
            refused=[(received, "subject-unknown") for received in batch if received.event.subject_id not in known]
        )
        cases = [
            self._case(
                received.event_id,
                Withdrawal(
                    received.event.subject_id,
                    received.event.scope,
                    received.event.channel,
                    received.event.received_at,
                ),
            )
            for received in batch
            if received.event.subject_id in known
        ]
        if cases:
            await self._process.open(cases, datetime.now(UTC))
        outcome.applied = len(cases)
        return outcome

    def _case(self, case_id: str, withdrawal: Withdrawal) -> Case:
        return Case(
            case_id=case_id,
            subject_id=withdrawal.subject_id,
            scope=withdrawal.scope,
            channel=withdrawal.channel,
            received_at=withdrawal.received_at,
            deadline=deadline(withdrawal.received_at, self._days),
            withdrawals=followed(withdrawal.channel, withdrawal.scope, case_id),
            traceparent=cause_of(withdrawal.subject_id),
        )
