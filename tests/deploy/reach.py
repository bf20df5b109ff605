"""Who may talk to whom, read from the network policies as a cluster does: the union of those that select a pod.

Held against the addresses that the pod is told, not against the code that wrote the policies.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from tests.deploy.parts import WORKLOADS, of_kind, template, variables
from tests.deploy.render import Manifest

# (namespace, label app.kubernetes.io/name or "" for every pod of it, port)
Peer = tuple[str, str, int]
DNS: Final[Peer] = ("kube-system", "kube-dns", 53)
MONGODB: Final[Peer] = ("mongodb", "", 27017)
PORTS: Final = {"http": 80, "https": 443}
OIDC: Final[Peer] = ("egress", "oidc", 443)  # an address that browsers know; the cluster's DNS leads it there
SHARED_BY_ALL_PODS: Final = ("kafka", "vault")


def nothing_else_is_open(objects: list[Manifest]) -> Iterator[str]:
    """Every pod is denied all but its own policy's peers; no rule is without a peer and a port, or an address range."""
    policies = of_kind(objects, "NetworkPolicy")
    every_pod = policies.get("default-deny", {}).get("spec", {})
    if every_pod.get("podSelector") != {} or sorted(every_pod.get("policyTypes", [])) != ["Egress", "Ingress"]:
        yield "default-deny does not select every pod both ways"
    if "ingress" in every_pod or "egress" in every_pod:
        yield "default-deny lets something through"
    for name, one in policies.items():
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in one["spec"].get(direction, []):
                peers = rule.get(side) or [{}]
                if not rule.get("ports") or any(
                    "ipBlock" in peer or not peer.get("namespaceSelector") for peer in peers
                ):
                    yield f"{name}: {direction}"


def each_pod_reaches_what_it_is_told_of(objects: list[Manifest]) -> Iterator[str]:
    """And nothing else: every address of its settings, MongoDB, and DNS to find them."""
    for name, one in of_kind(objects, *WORKLOADS).items():
        open_to = set(_peers(objects, one, "egress", "to"))
        wanted = {DNS, *_told(one, objects)}
        yield from (f"{name} does not reach {peer}" for peer in sorted(wanted - open_to))
        yield from (f"{name} reaches {peer}" for peer in sorted(open_to - wanted))


def each_pod_is_reached_by_its_own(objects: list[Manifest]) -> Iterator[str]:
    """A service by whoever scrapes it, by the ingress controller where an Ingress names it, and by the operators'
    gateway where there is one; a job by nobody."""
    listens = int(of_kind(objects, "ConfigMap")["sealed-orders"]["data"]["SEALED_PORT"])
    public = {
        path["backend"]["service"]["name"]
        for ingress in of_kind(objects, "Ingress").values()
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    for name, one in of_kind(objects, *WORKLOADS).items():
        wanted: set[Peer] = {("monitoring", "", listens)} if one["kind"] == "Deployment" else set()
        wanted |= {("ingress-nginx", "", listens)} if name in public else set()
        if one["kind"] == "Deployment" and "operators" in of_kind(objects, "NetworkPolicy"):
            wanted |= {("operators", "gateway", listens)}
        found = set(_peers(objects, one, "ingress", "from"))
        yield from (f"{name}: {peer}" for peer in sorted(found ^ wanted))


def _peers(objects: list[Manifest], one: Manifest, direction: str, side: str) -> Iterator[Peer]:
    labels = template(one)["metadata"]["labels"]
    for policy in of_kind(objects, "NetworkPolicy").values():
        if _selects(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get(direction, []):
                for peer in rule[side]:
                    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                    pods = "".join(peer.get("podSelector", {}).get("matchLabels", {}).values())
                    yield from ((namespace, pods, port["port"]) for port in rule["ports"])


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def _told(one: Manifest, objects: list[Manifest]) -> Iterator[Peer]:
    told = variables(one, objects)
    for name, value in told.items():
        if name.endswith("MONGODB_URI"):
            yield MONGODB
        elif value and name.endswith(("_URL", "_ADDR", "_ENDPOINT")):
            url = urlsplit(value)
            yield _peer(url.hostname or "", url.port or PORTS[url.scheme])
        elif value and name == "KAFKA_BOOTSTRAP_SERVERS":
            host, _, port = value.partition(":")
            yield _peer(host, int(port))
        elif value and name in ("SMTP_HOST", "SEALED_IMAP_HOST"):
            yield _peer(value, int(told[name.replace("HOST", "PORT")] or 0))
        elif value and name == "SEALED_OIDC_ISSUER":
            yield OIDC


def _peer(host: str, port: int) -> Peer:
    """Of a Service's name in the cluster, `<service>.<namespace>.svc`."""
    service, namespace, _ = host.split(".")
    return namespace, "" if namespace in SHARED_BY_ALL_PODS else service, port
