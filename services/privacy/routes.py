"""The officer's HTTP interface. Each route calls one act and words its outcome."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator

from services.privacy.answer_store import Answer, AnswerStore
from services.privacy.case import Case, State
from services.privacy.case_store import CaseStore
from services.privacy.certificate import iso
from services.privacy.certificate_store import CertificateStore
from services.privacy.decide_withdrawal import decisions
from services.privacy.find_subject import Find, SubjectNotFound, find_subject
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Ledger, LedgerBroken
from services.privacy.order_store import OrderStore
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.contracts.consents import Scope
from shared.contracts.event import RecordId
from shared.http.bearer import require_token
from shared.http.problems import Problem
from shared.messaging.worker import Clock, local_time
from shared.policy.model import Policy
from shared.policy.working_days import is_estimate, working_days_left
from shared.sealing.people_index import PeopleIndex

CLOCK_SKEW = timedelta(minutes=5)
LAW_ADOPTED = datetime(2013, 5, 21, tzinfo=UTC)
FURTHEST_PAGE = 1_000_000
CaseId = Annotated[RecordId, Path(description="32 hexadecimal digits")]


class WithdrawalRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    find: Find
    scope: Scope = "all"
    channel: Literal["mailbox", "my-data", "officer", "phone", "letter"] = "officer"
    received_at: AwareDatetime | None = Field(
        default=None, description="When the application came in; the deadline counts from there. Now, if left out."
    )

    @field_validator("received_at")
    @classmethod
    def _when_it_can_have_come_in(cls, value: datetime | None) -> datetime | None:
        if value is not None and value > datetime.now(UTC) + CLOCK_SKEW:
            raise ValueError("must not lie in the future: it is when the application came in")
        if value is not None and value < LAW_ADOPTED:
            raise ValueError("must not lie before the law it is made under (94-V, 21 May 2013)")
        return value


class OfficerRoutes:
    def __init__(
        self,
        *,
        token: SecretStr,
        withdrawals: ConsentWithdrawals,
        cases: CaseStore,
        answers: AnswerStore,
        certificates: CertificateStore,
        ledger: Ledger,
        keyring: KeyringKeeper,
        orders: OrderStore,
        people: PeopleIndex,
        policy: Policy,
        clock: Clock = local_time,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._withdrawals = withdrawals
        self._cases = cases
        self._answers = answers
        self._certificates = certificates
        self._ledger = ledger
        self._find = {"keyring": keyring, "orders": orders, "people": people}
        self.router = APIRouter(prefix="/v1", dependencies=[Depends(require_token(token, role="officer"))])
        self.router.post("/withdrawals", status_code=202)(self.withdraw)
        self.router.get("/cases")(self.list_cases)
        self.router.get("/cases/{case_id}")(self.show_case)
        self.router.get("/cases/{case_id}/certificate")(self.certificate)
        self.router.get("/cases/{case_id}/second-certificate")(self.second_certificate)
        self.router.get("/ledger/verification")(self.verify_ledger)

    async def withdraw(self, request: WithdrawalRequest) -> dict[str, Any]:
        """Open a withdrawal case; the same request again names the case that runs already."""
        now = await self._clock()
        try:
            subject_id = await find_subject(request.find, **self._find)  # type: ignore[arg-type]
        except SubjectNotFound as missing:
            raise Problem(404, "Nobody is held under that", str(missing)) from None
        withdrawal = Withdrawal(subject_id, request.scope, request.channel, request.received_at or now)
        case = await self._withdrawals.withdraw(withdrawal, now)
        return {
            "case_id": case.case_id,
            "deadline": case.deadline.isoformat(),
            "deadline_is_estimate": is_estimate(case.deadline),
            "state": case.state,
        }

    async def list_cases(
        self,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        skip: Annotated[int, Query(ge=0, le=FURTHEST_PAGE)] = 0,
    ) -> dict[str, Any]:
        """Open cases first, nearest deadline first."""
        return {"cases": [summary(c) for c in await self._cases.newest(state=state, limit=limit, skip=skip)]}

    async def show_case(self, case_id: CaseId) -> dict[str, Any]:
        """State, receipts per store as they come in, deferrals with their order and reason, timeline."""
        case = await self._case(case_id)
        answers = (await self._answers.of([case_id])).get(case_id, [])
        return {**full(case, answers), "decisions": decisions(case, self._policy)}

    async def certificate(self, case_id: CaseId) -> dict[str, Any]:
        """The signed certificate of a closed case."""
        case = await self._case(case_id)
        certificate = await self._certificates.of(case_id)
        if certificate is None:
            raise Problem(
                409,
                "No certificate yet",
                f"The case is {case.state}: a certificate needs every receipt, zero residual and destroyed keys. "
                "Watch the case; it is issued by itself.",
            )
        return certificate

    async def second_certificate(self, case_id: CaseId) -> dict[str, Any]:
        """The signed statement that no copy of what the case erased can be read by anybody any more."""
        await self._case(case_id)
        second, due_from = await self._certificates.second_of(case_id)
        if second is not None:
            return second
        if due_from is None:
            raise Problem(409, "No second certificate", "It follows a first one that destroyed keys; see the case.")
        raise Problem(
            409,
            "No second certificate yet",
            f"Kafka may hold sealed copies until {iso(due_from)}, and the key-encryption keys that the first "
            "certificate names must be destroyed: 'sealed keys rotate'. Then it is issued by itself.",
        )

    async def verify_ledger(self) -> dict[str, Any]:
        """Recompute the hash chain."""
        try:
            head = await self._ledger.verify()
        except LedgerBroken as broken:
            raise Problem(409, "The ledger was changed", str(broken)) from None
        return {"holds": True, "sequence": head.sequence, "hash": head.hash}

    async def _case(self, case_id: str) -> Case:
        case = await self._cases.by_id(case_id)
        if case is None:
            raise Problem(404, "No such case", "Check the number; 'sealed cases' lists them.")
        return case


def summary(case: Case) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "case_id": case.case_id,
        "subject_id": case.subject_id,
        "scope": case.scope,
        "channel": case.channel,
        "state": case.state,
        "received_at": iso(case.received_at),
        "deadline": case.deadline.isoformat(),
        "deadline_is_estimate": is_estimate(case.deadline),
        "working_days_left": None if case.state == "closed" else working_days_left(case.deadline, now),
        "round": case.round,
        "open_orders": list(case.open_orders),
        "stores_answered": sorted(case.restricted if case.round == 0 else case.receipts_of(case.round)),
    }


def full(case: Case, answers: Sequence[Answer]) -> dict[str, Any]:
    """`answers`: those of the step under way, which the case itself gets when all are in."""
    stopped = {answer.store: answer.body["at"] for answer in answers if answer.round == 0}
    receipts = {number: dict(of_stores) for number, of_stores in case.receipts.items()}
    for answer in answers:
        if answer.round:
            receipts.setdefault(str(answer.round), {})[answer.store] = answer.body
    return {
        **summary(case),
        "restricted": {store: iso(at) for store, at in (stopped | case.restricted).items()},
        "receipts": receipts,
        "deferrals": [
            {
                "order_id": deferral.order_id,
                "reason": "The order is not delivered yet; what its delivery needs is kept until then "
                "(Law 94-V art. 8(2)).",
                "since": iso(deferral.since),
                "settled_by": deferral.settled_by,
                "settled_at": iso(deferral.settled_at) if deferral.settled_at else None,
            }
            for deferral in case.deferrals
        ],
        "recipients": {
            "told": list(case.disclosures),
            "answers": {name: {**answer, "at": iso(answer["at"])} for name, answer in case.recipients.items()},
        },
        "letters": case.letters,
        "keys_destroyed": {reader: iso(at) for reader, at in case.keys_destroyed.items()},
        "closed_at": iso(case.closed_at) if case.closed_at else None,
        "timeline": [{"at": iso(entry.at), "what": entry.what, **entry.detail} for entry in case.timeline],
    }
