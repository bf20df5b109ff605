"""Time that the manifests allow, against what docs/sizing.md infers for ten million people."""

from collections.abc import Iterator
from typing import Final

from deploy.sizing.arithmetic import Assumed, Need, need
from deploy.sizing.measured import read
from deploy.sizing.page import PEOPLE
from tests.deploy.built import POLICY
from tests.deploy.parts import container, of_kind
from tests.deploy.render import Manifest

SPARE: Final = 3  # times as long: a busier machine than the one that was measured
MOST: Final[Need] = need(read(), POLICY, Assumed(max(PEOPLE)))


def a_start_is_given_time(objects: list[Manifest]) -> Iterator[str]:
    """To read all suppressions; and a rollout does not count as failed while a start is still allowed to last."""
    for name, one in of_kind(objects, "Deployment").items():
        probe = container(one)["startupProbe"]
        allowed = probe["periodSeconds"] * probe["failureThreshold"]
        if allowed < SPARE * MOST.start_seconds:
            yield f"{name}: a start may take {allowed} s"
        if one["spec"].get("progressDeadlineSeconds", 600) <= allowed:
            yield f"{name}: a rollout is given up before a start is"


def a_rotation_comes_to_its_end(objects: list[Manifest]) -> Iterator[str]:
    """Kubernetes makes no other attempt after the deadline, and the next rotation begins anew."""
    for name, one in of_kind(objects, "CronJob").items():
        allowed = one["spec"]["jobTemplate"]["spec"].get("activeDeadlineSeconds", 0)
        if allowed < SPARE * MOST.rotation_seconds:
            yield f"{name}: {allowed} s"
