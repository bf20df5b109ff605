"""Topic `ledger-heads`: the newest link of the privacy service's hash chain, so that a rewritten chain shows."""

from datetime import datetime

from pydantic import PositiveInt

from shared.contracts.event import Message


class LedgerHeadMoved(Message):
    """The chain has grown to this entry. A chain in MongoDB that says otherwise was rewritten."""

    TOPIC = "ledger-heads"
    PUBLISHERS = ("privacy",)

    sequence: PositiveInt
    hash: str
    at: datetime

    def key(self) -> str:
        """The chain is one."""
        return "ledger"
