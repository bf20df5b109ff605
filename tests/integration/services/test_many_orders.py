"""Hundreds of orders at once: everybody is written to exactly once, also across a kill -9."""

from email import message_from_bytes
from email.policy import default

import pytest

from deploy.local.stack import LocalStack
from shared.contracts.personal import PersonalData
from tests.builders import a_person
from tests.integration.services.clients import Clients, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def people(count: int, prefix: str) -> list[PersonalData]:
    return [
        a_person(email=f"{prefix}{number}@example.kz", phone=f"+7700{len(prefix)}{number:06}")
        for number in range(count)
    ]


def receivers(stack: LocalStack, prefix: str) -> list[str]:
    """Of each mail that arrived, for those people."""
    mails = [message_from_bytes(path.read_bytes(), policy=default) for path in stack.layout.mail_dir.glob("*.eml")]
    return sorted(mail["To"] for mail in mails if mail["To"].startswith(prefix))


async def everybody_written_to(stack: LocalStack, everybody: list[PersonalData], prefix: str) -> None:
    async def ask() -> list[str]:
        return receivers(stack, prefix)

    arrived = await until(ask, lambda found: len(found) >= len(everybody))
    assert arrived == sorted(person.email for person in everybody)


async def test_each_of_five_hundred_gets_one_confirmation(clients: Clients, stack: LocalStack) -> None:
    everybody = people(500, "many")
    await clients.place_many(everybody)
    await everybody_written_to(stack, everybody, "many")


async def test_a_kill_while_sending_sends_nobody_two(clients: Clients, stack: LocalStack) -> None:
    everybody = people(300, "killed")
    await clients.place_many(everybody)

    async def ask() -> list[str]:
        return receivers(stack, "killed")

    await until(ask, lambda found: len(found) >= 20)
    await stack.kill("notifications")
    await everybody_written_to(stack, everybody, "killed")


async def test_a_kill_while_consuming_loses_and_doubles_no_shipment(clients: Clients, stack: LocalStack) -> None:
    everybody = people(300, "parcels")
    await clients.place_many(everybody)
    await stack.kill("delivery")
    await everybody_written_to(stack, everybody, "parcels")

    async def ask() -> list[str]:
        answer = await clients.delivery.get("/v1/shipments", params={"limit": 500})
        return [shipment["order_id"] for shipment in answer.json()["shipments"]]

    await until(ask, lambda found: len(found) == 500)
    await stack.wait_ready("delivery")
