"""The console's two roles. A person holds one: who asks for something never grants it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Role = Literal["officer", "approver"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
EVERYBODY: Final = ROLES


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is signed in. `account_id` is random, and is all that records name them by."""

    account_id: str
    name: str
    role: Role
