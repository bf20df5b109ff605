"""May this reader use this field for this purpose? Clauses 3.1 and 4.3.1.

What the policy does not know can't be decided: that is a Gap, not a refusal, and just as closed.
"""

from dataclasses import dataclass
from typing import Literal

from shared.policy.model import Policy
from shared.policy.rows import LegalBasis

Unknown = Literal["field", "reader", "purpose"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """By the purpose's clause, on its legal basis."""

    clause: str
    legal_basis: LegalBasis


@dataclass(frozen=True, slots=True)
class Denied:
    """The policy knows all three and does not grant it."""

    rule: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Gap:
    """The policy has no row of these kinds, so nobody can say. Treat as denied, and tell the policy's owner."""

    unknown: tuple[Unknown, ...]
    remedy: str


Decision = Allowed | Denied | Gap


def decide(policy: Policy, *, field: str, reader: str, purpose: str) -> Decision:
    """Total: every triple has an answer, and only a grant in the file makes it Allowed."""
    row, basis = policy.fields.get(field), policy.purposes.get(purpose)
    if row is None or basis is None or reader not in policy.readers:
        known: dict[Unknown, bool] = {
            "field": row is not None,
            "reader": reader in policy.readers,
            "purpose": basis is not None,
        }
        unknown = tuple(kind for kind, is_known in known.items() if not is_known)
        return Gap(unknown, f"Add a row for the {' and the '.join(unknown)} to the policy file, or correct the name.")
    if not row.collected:
        return Denied(f"{field} is not collected (clause {row.clause})", "Do without it; there is nothing to open.")
    if purpose not in row.grants.get(reader, ()):
        return Denied(
            f"the policy does not grant {field} to {reader} for purpose {purpose} (clause 4.3.1)",
            "Use a purpose the matrix shows for this reader, or have the grant added to the policy.",
        )
    return Allowed(basis.clause, basis.legal_basis)
