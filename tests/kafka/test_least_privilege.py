"""Each service tries everything as its own principal; Apache Kafka grants what the policy grants."""

from collections.abc import AsyncIterator, Sequence

import pytest

from deploy.least_privilege import kafka
from deploy.least_privilege.attempt import Attempt
from deploy.least_privilege.page import PAGE, section
from deploy.local.layout import SERVICES
from deploy.local.stack import local_stack
from shared.policy.load import load_policy
from tests.integration.least_privilege.granted import is_granted

POLICY = load_policy()


@pytest.fixture(scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sequence[Attempt]]:
    """On a broker of its own: the attempts leave messages that no service could read."""
    async with local_stack(tmp_path_factory.mktemp("attempts"), services=(), kafka_brokers=1) as stack:
        yield await kafka.attempts(stack, POLICY)


def test_what_the_policy_grants_goes_through_and_the_rest_is_refused(found: Sequence[Attempt]) -> None:
    assert [attempt for attempt in found if attempt.granted != is_granted(POLICY, attempt)] == []


def test_refusals_name_what_is_refused(found: Sequence[Attempt]) -> None:
    codes = {(attempt.kind, attempt.refusal) for attempt in found if not attempt.granted}
    assert {refusal for kind, refusal in codes if kind == kafka.TOPIC} == {"Kafka 29"}
    assert {refusal for kind, refusal in codes if kind == kafka.GROUP} == {"Kafka 30"}
    assert {refusal for kind, refusal in codes if kind == kafka.CLUSTER} == {"Kafka 29", "Kafka 31", "Kafka 53"}


def test_every_topic_and_every_group_was_tried_by_everybody(found: Sequence[Attempt]) -> None:
    tried = {(attempt.service, attempt.name, attempt.act) for attempt in found}
    groups = {f"{service}.{name}" for name, topic in POLICY.topics.items() for service in topic.consumers}
    assert {(s, topic, act) for s in SERVICES for topic in POLICY.topics for act in ("write", "read")} <= tried
    assert {(s, group, "join") for s in SERVICES for group in groups} <= tried


def test_the_page_says_what_was_answered(found: Sequence[Attempt]) -> None:
    """`make least-privilege` writes it anew."""
    assert section("Kafka", found) in PAGE.read_text()
