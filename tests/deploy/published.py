"""What the Ingress lets out to everybody, against what the built applications answer."""

from collections.abc import Iterator
from typing import Final

from tests.deploy.built import paths
from tests.deploy.parts import of_kind
from tests.deploy.render import Manifest

# Nobody's but the cluster's own, and what asks for an operator's or an administrator's token.
INSIDE: Final = ("/health", "/metrics", "/openapi.json", "/operator", "/v1/call-backs")
INSIDE_OF: Final = {"intake": INSIDE, "privacy": (*INSIDE, "/v1")}


def only_what_people_use_is_published(objects: list[Manifest]) -> Iterator[str]:
    """And all of it: a new page is published, or named above."""
    for ingress in of_kind(objects, "Ingress").values():
        for rule in ingress["spec"]["rules"]:
            by_service: dict[str, list[Manifest]] = {}
            for path in rule["http"]["paths"]:
                by_service.setdefault(path["backend"]["service"]["name"], []).append(path)
            for service, published in by_service.items():
                yield from _faults(service, published)


def _faults(service: str, published: list[Manifest]) -> Iterator[str]:
    if service not in INSIDE_OF:
        yield f"{service} has no pages"
        return
    for path in sorted(paths(service)):
        inside = any(_beneath(path, prefix) for prefix in INSIDE_OF[service])
        if inside == any(_matches(path, one) for one in published):
            yield f"{service}: {path} is published" if inside else f"{service}: {path} is not published"


def _matches(path: str, one: Manifest) -> bool:
    return path == one["path"] if one["pathType"] == "Exact" else _beneath(path, one["path"])


def _beneath(path: str, prefix: str) -> bool:
    """By whole elements, as an Ingress compares."""
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")
