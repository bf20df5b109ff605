"""Each service tries everything with its own credentials; MongoDB and the cryptography grant what the policy grants."""

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from deploy.least_privilege import keys, mongodb
from deploy.least_privilege.attempt import Attempt
from deploy.least_privilege.every import without_kafka
from deploy.least_privilege.page import PAGE, section
from deploy.local.layout import SERVICES
from deploy.local.stack import local_stack
from shared.policy.access import views
from shared.policy.load import load_policy
from tests.integration.least_privilege.granted import is_granted

pytestmark = pytest.mark.integration
POLICY = load_policy()
REFUSERS = {"MongoDB": {"MongoDB 13"}, "Keys": {keys.CIPHER, keys.VERIFIER, keys.NOT_GIVEN}}


@pytest.fixture(scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Sequence[Attempt]]]:
    """On servers of its own: the attempts drop collections."""
    async with local_stack(tmp_path_factory.mktemp("attempts"), services=(), kafka_brokers=0) as stack:
        yield await without_kafka(stack, POLICY)


@pytest.mark.parametrize("title", REFUSERS)
def test_what_the_policy_grants_goes_through_and_the_rest_is_refused(
    found: Mapping[str, Sequence[Attempt]], title: str
) -> None:
    assert [attempt for attempt in found[title] if attempt.granted != is_granted(POLICY, attempt)] == []


@pytest.mark.parametrize("title", REFUSERS)
def test_refusals_are_the_servers_and_no_accident(found: Mapping[str, Sequence[Attempt]], title: str) -> None:
    assert {attempt.refusal for attempt in found[title] if not attempt.granted} == REFUSERS[title]


def test_everything_there_is_was_tried_by_everybody(found: Mapping[str, Sequence[Attempt]]) -> None:
    tried = {(attempt.service, attempt.group, attempt.name) for attempt in found["MongoDB"]}
    mapped = {(database, name) for database, store in POLICY.stores.items() for name in store.collections}
    shown = {(view.database, view.name) for view in views(POLICY)}
    inside = {("local", "oplog.rs"), ("admin", "system.users")}
    databases = {(database, mongodb.DATABASE_ITSELF) for database in (*POLICY.stores, *mongodb.SYSTEM)}
    things = mapped | shown | inside | databases
    assert {(service, *thing) for service in SERVICES for thing in things} <= tried
    assert {(a.service, a.name) for a in found["Keys"]} >= {(s, reader) for s in SERVICES for reader in POLICY.readers}


@pytest.mark.parametrize("title", REFUSERS)
def test_the_page_says_what_was_answered(found: Mapping[str, Sequence[Attempt]], title: str) -> None:
    """`make least-privilege` writes it anew."""
    assert section(title, found[title]) in PAGE.read_text()
