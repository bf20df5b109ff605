"""A real signed certificate, made by the issuer from a case that ran its course with signed receipts."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.provision.keys import provision
from services.privacy.case import Case
from services.privacy.case_facts import ReceiptCame, TimeCame
from services.privacy.certificate import CertificateIssuer
from services.privacy.ledger import Head
from shared.contracts.erasure import SubjectErased
from shared.policy.load import load_policy
from shared.stores.receipts import PublicKeys, Signer
from tests.builders import NOON, at
from tests.unit.privacy.a_case import (
    ORDER,
    STORES,
    WAIT,
    an_opened_case,
    answered,
    letter,
    restricted,
    settled,
    told,
)

DISCLOSURE = "d" * 32


@dataclass(frozen=True)
class Authority:
    """Every service's keys, and what a stranger gets: the public ones."""

    root: Path
    public: PublicKeys

    @classmethod
    def at(cls, root: Path) -> "Authority":
        provision(root, load_policy())
        return cls(root, PublicKeys.from_folder(root / "public"))

    def signed(self, statement: dict[str, Any], by: str = "privacy") -> dict[str, Any]:
        """The statement without its old signature, signed by that service."""
        unsigned = {name: value for name, value in statement.items() if name != "signature"}
        return {**unsigned, "signature": Signer.from_folder(self.root / by).sign(unsigned)}

    def receipt(self, case: Case, store: str, round_: int, **count: int) -> dict[str, Any]:
        """As the store itself signs it."""
        statement = SubjectErased.model_validate(
            {
                "subject_id": case.subject_id,
                "case_id": case.case_id,
                "store": store,
                "round": round_,
                "erased_at": at(round_),
                "collections": {"things": {"matched": sum(count.values()), **count}, "others": {}},
                "disclosures": [DISCLOSURE] if store == "delivery" else [],
            }
        )
        return self.signed(statement.model_dump(mode="json"), by=store)

    def closed_case(self) -> Case:
        """It waited for an order, told a recipient, and needed three rounds."""
        case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER,)), letter("received"))
        case, _ = told(case, *self.receipts(case, 1, depersonalised=1, deferred=1, kept=2))
        case, _ = told(case, settled(), answered(DISCLOSURE))
        case, _ = told(case, *self.receipts(case, 2, destroyed=1, kept=2), letter("deferred"))
        case, _ = told(case, TimeCame(), now=NOON + WAIT)
        case, _ = told(case, *self.receipts(case, 3, kept=2), letter("done"), now=NOON + WAIT)
        assert case.state == "closed"
        return case

    def receipts(self, case: Case, round_: int, **count: int) -> list[ReceiptCame]:
        return [ReceiptCame(store, round_, self.receipt(case, store, round_, **count)) for store in STORES]

    def certificate(self, case: Case | None = None) -> dict[str, Any]:
        """As the service hands it out: JSON."""
        issuer = CertificateIssuer(
            load_policy(), Signer.from_folder(self.root / "privacy"), lambda: dict.fromkeys(STORES, 1), 60
        )
        issued = issuer.issue(case or self.closed_case(), Head(42, "f" * 64), NOON + WAIT)
        return json.loads(json.dumps(issued["certificate"]))

    def certificate_with(self, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """A privacy service that lies: it changes what it certifies, and signs that."""
        certificate = self.certificate()
        change(certificate)
        return self.signed(certificate)
