"""The policy as a table: every field × reader × purpose, each with its decision."""

from dataclasses import dataclass

from shared.policy.decide import Allowed, Decision, decide
from shared.policy.model import Policy


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """`clause` is the field's; the decision of an allowed use cites the purpose's."""

    field: str
    clause: str
    reader: str
    purpose: str
    decision: Decision

    @property
    def allowed(self) -> bool:
        return isinstance(self.decision, Allowed)


def matrix(policy: Policy) -> list[MatrixRow]:
    """Fields in the file's order, then readers, then purposes: fields × readers × purposes rows."""
    return [
        MatrixRow(name, field.clause, reader, purpose, decide(policy, field=name, reader=reader, purpose=purpose))
        for name, field in policy.fields.items()
        for reader in policy.readers
        for purpose in policy.purposes
    ]
