"""Open an envelope for a stated purpose: the only way an act gets at a personal field.

Clause 4.3.1: personal data are used only for the purposes of section 3. A purpose the policy does not give this
reader is refused before any key is touched; of a purpose it does give, just the fields granted for it come out.
Every opening is counted and logged: subject, purpose, field names, never a value (clause 2.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from shared.observability.metrics import ENVELOPES_OPENED
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, unseal
from shared.sealing.keyring import Fenced, Held, KeyringReader, Unknown

log = structlog.get_logger()


class PurposeRefused(Exception):
    def __init__(self, reader: str, purpose: str) -> None:
        super().__init__(
            f"The policy grants {reader} no field for purpose {purpose} (clause 4.3.1). "
            "Use a purpose the matrix shows for this reader, or have the policy changed."
        )


class SubjectErased(Exception):
    """The subject's key for this reader was destroyed."""

    def __init__(self, subject_id: str) -> None:
        super().__init__(f"Subject {subject_id} was erased: its sealed fields can't be opened any more, by anybody.")


class SubjectUnknown(Exception):
    def __init__(self, subject_id: str) -> None:
        super().__init__(
            f"The keyring has no subject {subject_id}: it can't be decided whether it was erased. "
            "Keep the message as a dead letter and ask its publisher."
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """An envelope at rest with what it is bound to. Prints no content."""

    event_id: str
    event_type: str
    subject_id: str
    envelope: bytes = field(repr=False)


class Opener:
    def __init__(self, reader: str, policy: Policy, keyring: KeyringReader) -> None:
        self.reader = reader
        self._policy = policy
        self._keyring = keyring
        for purpose in policy.purposes:  # a series that exists from the start shows its first increase
            if policy.fields_for(reader, purpose):
                for outcome in ("opened", "fenced", "gap"):
                    ENVELOPES_OPENED.labels(reader, purpose, outcome)

    async def open(self, sealed: Sealed, *, purpose: str, fresh: bool = False) -> dict[str, Any]:
        """The fields granted for the purpose. `fresh`, for what will leave the system: no cached key is used, so an
        erasure by another replica is seen at once. Raises PurposeRefused, SubjectErased, SubjectUnknown,
        EnvelopeNotAuthentic, KekUnavailable, KekUnreachable."""
        granted = self.granted(purpose)
        state = await self._keyring.state(sealed.subject_id, fresh=fresh)
        await self._keyring.prepare([state])
        opened = self.open_with(state, sealed, granted, purpose)
        self._note(opened, purpose, subject_id=sealed.subject_id)
        return opened

    async def open_many(
        self, many: list[Sealed], *, purpose: str, fresh: bool = False
    ) -> list[dict[str, Any] | Exception]:
        """As `open`, with one keyring look-up; a refusal stands in its item's place."""
        granted = self.granted(purpose)
        states = await self._keyring.states((sealed.subject_id for sealed in many), fresh=fresh)
        await self._keyring.prepare(states.values())
        results: list[dict[str, Any] | Exception] = []
        for sealed in many:
            try:
                results.append(self.open_with(states[sealed.subject_id], sealed, granted, purpose))
            except Exception as refusal:  # each item's own outcome; none of these carries a value
                results.append(refusal)
        opened = [result for result in results if isinstance(result, dict)]
        self._note({name: None for fields in opened for name in fields}, purpose, count=len(opened))
        return results

    def granted(self, purpose: str) -> frozenset[str]:
        granted = self._policy.fields_for(self.reader, purpose)
        if not granted:
            ENVELOPES_OPENED.labels(self.reader, purpose, "denied").inc()
            raise PurposeRefused(self.reader, purpose)
        return granted

    def open_with(
        self, state: Held | Fenced | Unknown, sealed: Sealed, granted: frozenset[str], purpose: str
    ) -> dict[str, Any]:
        match state:
            case Fenced():
                ENVELOPES_OPENED.labels(self.reader, purpose, "fenced").inc()
                raise SubjectErased(sealed.subject_id)
            case Unknown():
                ENVELOPES_OPENED.labels(self.reader, purpose, "gap").inc()
                raise SubjectUnknown(sealed.subject_id)
        binding = Binding(sealed.event_id, sealed.event_type, sealed.subject_id, self.reader)
        fields = unseal(sealed.envelope, binding, state.key())
        ENVELOPES_OPENED.labels(self.reader, purpose, "opened").inc()
        return {name: value for name, value in fields.items() if name in granted}

    def _note(self, opened: Mapping[str, Any], purpose: str, **whose: Any) -> None:
        """One line an opening, or one a batch: which fields for what, and never a value."""
        log.info("envelope_opened", reader=self.reader, purpose=purpose, fields=sorted(opened), **whose)
