"""Who asks on their own behalf: a subject, and the contact they proved to be theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.intake.contact import Channel
from shared.sealing.people_index import PeopleIndex


@dataclass(frozen=True, slots=True)
class Visitor:
    """entry: of the contact they proved to be theirs. They see and correct what was given with that contact and nothing
    else: an order that a stranger placed under their phone with another e-mail, or the other way round, is not theirs.
    """

    subject_id: str
    channel: Channel
    entry: str

    def gave(self, fields: Mapping[str, Any], people: PeopleIndex) -> bool:
        """Whether these fields hold that contact."""
        value = fields.get(self.channel)
        return value is not None and people.entry(self.channel, value) == self.entry
