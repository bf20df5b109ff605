"""`python -m deploy.k8s_manifests.write [--check]`: deploy/k8s as the policy and the code have it."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml

from deploy.k8s_manifests import jobs, kafka, network, scaling, secrets, settings, tracing, workloads
from deploy.k8s_manifests.names import NAMESPACE, Manifest
from shared.policy.load import load_policy
from shared.policy.model import Policy

FOLDER: Final = Path(__file__).parents[1] / "k8s"
HEAD: Final = "# Written by `make manifests` from the policy and the code; `make check` compares.\n"


def files(policy: Policy) -> Mapping[str, list[Manifest]]:
    """Path under deploy/k8s → its manifests."""
    services = policy.erasing_stores
    shared = settings.config_map(NAMESPACE, NAMESPACE, settings.SHARED)
    return {
        "base/shared.yaml": [shared, network.default_deny()],
        **{f"base/{service}.yaml": _service(policy, service) for service in services},
        "components/strimzi/topics.yaml": kafka.topics(policy),
        "components/strimzi/users.yaml": kafka.users(policy),
        "components/mongodb/migrate.yaml": jobs.migration(policy),
        "components/vault/rotate.yaml": jobs.rotation(),
        "components/tracing/tracing.yaml": tracing.to_collector(services),
        "components/external-secrets/secrets.yaml": secrets.external_secrets(policy),
        "components/keda/scaling.yaml": [
            scaling.authentication(),
            *(scaling.scaled_object(policy, service) for service in services),
        ],
    }


def _service(policy: Policy, service: str) -> list[Manifest]:
    own = settings.config_map(service, service, settings.OWN[service])
    return [own, *workloads.of_service(policy, service), network.of_service(service)]


def text(manifests: Iterable[Manifest]) -> str:
    return HEAD + yaml.dump_all(manifests, Dumper=_WithoutAnchors, sort_keys=False, width=120)


class _WithoutAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def drifted(policy: Policy, folder: Path = FOLDER) -> list[str]:
    """Files that are not what they would be written as."""
    return [
        name
        for name, manifests in files(policy).items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text(manifests)
    ]


def main(check: bool) -> int:
    policy = load_policy()
    if check:
        for name in (found := drifted(policy)):
            print(f"deploy/k8s/{name} is not what the policy and the code say. Run `make manifests`.")
        return bool(found)
    for name, manifests in files(policy).items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text(manifests), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
