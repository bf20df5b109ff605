"""One service's try at one thing, and the answer it got."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """`kind`, `group` and `name`: of the thing, a collection, its database and its name for example. `refusal`: who
    refused, with which code; None where it went through."""

    service: str
    kind: str
    group: str
    name: str
    act: str
    refusal: str | None

    @property
    def granted(self) -> bool:
        return self.refusal is None
