"""Replicas of a service: each is a part of its own. The first has the service's name, the others a number behind it."""

import os
from typing import Final

from deploy.local.part import StackError

VARIABLE: Final = "SEALED_REPLICAS"
MOST: Final = 9


class ReplicasNotCounted(StackError):
    def __init__(self) -> None:
        super().__init__(f"{VARIABLE} is the number of each service's replicas: give one from 1 to {MOST}.")


def replicas_wanted() -> int:
    """Of each service, from SEALED_REPLICAS; one by default. Raises ReplicasNotCounted."""
    wanted = os.environ.get(VARIABLE) or "1"
    if wanted not in map(str, range(1, MOST + 1)):
        raise ReplicasNotCounted
    return int(wanted)


def names_of(service: str, count: int) -> tuple[str, ...]:
    """`intake`, `intake-2`, `intake-3`."""
    return (service, *(f"{service}-{number}" for number in range(2, count + 1)))


def service_of(name: str) -> str:
    return name.partition("-")[0]
