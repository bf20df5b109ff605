"""Everything that can be tried, on a stack without services: title of the page's part → attempts."""

from collections.abc import Mapping, Sequence

from deploy.least_privilege import kafka, keys, mongodb
from deploy.least_privilege.attempt import Attempt
from deploy.local.stack import LocalStack
from shared.policy.model import Policy


async def without_kafka(stack: LocalStack, policy: Policy) -> Mapping[str, Sequence[Attempt]]:
    """The embedded broker asks nobody who they are, so there is nothing to try there."""
    return {"MongoDB": await mongodb.attempts(stack, policy), "Keys": keys.attempts(stack.layout.keys, policy)}


async def with_kafka(stack: LocalStack, policy: Policy) -> Mapping[str, Sequence[Attempt]]:
    return {**await without_kafka(stack, policy), "Kafka": await kafka.attempts(stack, policy)}
