"""Codes that pages show, for whoever makes a form of them; `words.html` has their words in each language."""

from typing import Final

# Why somebody looks a person up; the ledger keeps the code.
SEARCH_REASONS: Final = ("withdrawal", "access", "correction", "complaint", "state_body", "check")
CHANNELS: Final = ("mailbox", "phone", "letter", "officer")
# On what a request is refused (Law 94-V art. 8(2), 8(7), 10).
REFUSAL_GROUNDS: Final = ("identity_not_proven", "obligation_open", "law_requires_keeping", "not_held")
