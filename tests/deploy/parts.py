"""What the checks look at: the objects of a kind, and the pod of whatever runs one."""

from collections.abc import Iterator
from typing import Any, Final

from tests.deploy.render import Manifest

WORKLOADS: Final = ("Deployment", "Job", "CronJob")


def of_kind(objects: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in kinds}


def template(one: Manifest) -> Manifest:
    spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
    return dict(spec["template"])


def pod(one: Manifest) -> Manifest:
    return dict(template(one)["spec"])


def container(one: Manifest) -> Manifest:
    (only,) = pod(one)["containers"]
    return dict(only)


def secrets_of(one: Manifest, *, optional: bool = True) -> Iterator[tuple[str, str]]:
    """(Secret, key) that a pod reads."""
    for variable in container(one)["env"]:
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"], reference["key"]
    for volume in pod(one)["volumes"]:
        sources: list[dict[str, Any]] = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
        if secret := volume.get("secret"):
            sources.append({"name": secret["secretName"], **secret})
        for source in sources:
            if optional or not source.get("optional"):
                yield from ((source["name"], item["key"]) for item in source.get("items", [{"key": "*"}]))


def variables(one: Manifest, objects: list[Manifest]) -> dict[str, str | None]:
    """What its container is told, by name; None where a Secret holds the value. Raises KeyError without the map."""
    maps = of_kind(objects, "ConfigMap")
    sources = [source["configMapRef"]["name"] for source in container(one).get("envFrom", [])]
    shared = {name: value for source in sources for name, value in maps[source]["data"].items()}
    return shared | {variable["name"]: variable.get("value") for variable in container(one)["env"]}
