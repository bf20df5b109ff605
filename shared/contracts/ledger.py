"""Topic `ledger-heads`: the newest link of the privacy service's hash chain, so that a rewritten chain shows."""

from datetime import datetime
from typing import ClassVar

from pydantic import PositiveInt

from shared.contracts.event import TYPE_PREFIX, Contract


class LedgerHeadMoved(Contract):
    """The chain has grown to this entry. A chain in MongoDB that says otherwise was rewritten."""

    VERSION: ClassVar[int] = 1
    TOPIC: ClassVar[str] = "ledger-heads"
    PUBLISHERS: ClassVar[tuple[str, ...]] = ("privacy",)

    sequence: PositiveInt
    hash: str
    at: datetime

    @classmethod
    def type_name(cls) -> str:
        return f"{TYPE_PREFIX}.{cls.__name__}.v{cls.VERSION}"

    def topic(self) -> str:
        return self.TOPIC
