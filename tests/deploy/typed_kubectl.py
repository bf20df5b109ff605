"""Whether a `kubectl` command names a verb and flags that kubectl has, and objects that the manifests have."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.k8s_manifests import names
from tests.deploy.kubectl_help import flags, global_flags, verb_of
from tests.deploy.render import Manifest
from tests.deploy.typed_sealed import ROOT

NAMESPACES: Final = {value for name, value in vars(names).items() if name.endswith("NAMESPACE")} | {"kube-system"}
# Kinds whose objects come and go, or are the cluster's: their names are the reader's to fill in.
OF_THE_CLUSTER: Final = frozenset({"pod", "node", "event", "replicaset", "persistentvolumeclaim"})
PLACEHOLDER: Final = re.compile(r"\$?[A-Z][A-Z0-9-]*$")
SHORT: Final = {"deploy": "deployment", "po": "pod", "svc": "service", "cm": "configmap"}
WITHOUT_OBJECTS: Final = {("kustomize",), ("diff",), ("apply",), ("config", "set-context"), ("port-forward", "port")}
TERM: Final = re.compile(r"([\w./-]+)\s*(?:=\s*([$\w.-]+)|in\s*\(([^)]*)\))")


@dataclass(slots=True)
class Cluster:
    """The manifests' objects, those that the pages' reader has made so far, and Secrets that are made by command."""

    objects: Sequence[Manifest]
    secrets: frozenset[tuple[str, str]]
    made: set[tuple[str, str]] = field(default_factory=set)

    def kinds(self) -> Mapping[str, str]:
        """Word for a kind, also in the plural → the kind in small letters."""
        kinds = {one["kind"].lower() for one in self.objects} | OF_THE_CLUSTER | {"secret"}
        return SHORT | {word: kind for kind in kinds for word in (kind, f"{kind}s")}

    def has(self, kind: str, name: str, namespace: str) -> bool:
        if kind in OF_THE_CLUSTER or PLACEHOLDER.match(name) or (kind, name) in self.made:
            return True
        if kind == "secret" and (namespace, name) in self.secrets:
            return True
        wanted = (kind, name, namespace)
        return any(
            wanted == (o["kind"].lower(), o["metadata"]["name"], o["metadata"].get("namespace", namespace))
            for o in self.objects
        )

    def selects(self, selector: str) -> bool:
        """Each of its terms, and each value of a term, some object."""
        terms = [(key, {one} if one else set(re.split(r",\s*", many))) for key, one, many in TERM.findall(selector)]
        labels = [one["metadata"].get("labels", {}) for one in self.objects]
        return bool(terms) and all(
            PLACEHOLDER.match(value) or any(of.get(key) == value for of in labels)
            for key, values in terms
            for value in values
        )


def kubectl_faults(
    words: Sequence[str], cluster: Cluster, inside: Callable[[Sequence[str]], Iterator[str]]
) -> Iterator[str]:
    """`words`: after `kubectl`. `inside`: the faults of a command that is run in a pod."""
    mine, after = _split(list(words))
    verb = verb_of((*_parse(mine, global_flags())[0], ""))
    if not flags(verb):
        yield f"kubectl has no verb {' '.join(verb)}"
        return
    positional, given = _parse(mine, flags(verb))
    namespace = dict(given).get("-n", dict(given).get("--namespace", names.NAMESPACE))
    for flag, value in given:
        yield from _flag_faults(flag, value, flags(verb), cluster, namespace)
    if verb[0] == "create":
        cluster.made.add((verb[-1] if verb[1] != "secret" else "secret", positional[len(verb)]))
    elif verb not in WITHOUT_OBJECTS:
        yield from _object_faults(verb, positional[len(verb) :], cluster, namespace)
    if after:
        yield from inside(after)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in words:
        return words, []
    return words[: words.index("--")], words[words.index("--") + 1 :]


def _parse(words: Sequence[str], known: Mapping[str, bool]) -> tuple[list[str], list[tuple[str, str]]]:
    positional: list[str] = []
    given: list[tuple[str, str]] = []
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        flag, assigned, value = word.partition("=")
        given.append((flag, value if assigned or not known.get(flag) else next(waiting, "")))
    return positional, given


def _flag_faults(flag: str, value: str, known: Mapping[str, bool], cluster: Cluster, namespace: str) -> Iterator[str]:
    if flag not in known:
        yield f"kubectl takes no {flag} here"
    elif flag in ("-k", "-f") and value not in ("-", "") and not value.startswith("installation/"):
        if not (ROOT / value).exists():
            yield f"there is no {value}"
    elif flag in ("-n", "--namespace") and value not in NAMESPACES:
        yield f"there is no namespace {value}"
    elif flag in ("-l", "--selector") and not cluster.selects(value):
        yield f"nothing has the labels {value}"
    elif flag == "--from":
        yield from _object_faults(("get",), [value], cluster, namespace)


def _object_faults(verb: tuple[str, ...], words: Sequence[str], cluster: Cluster, namespace: str) -> Iterator[str]:
    if verb == ("logs",) and words and "/" not in words[0]:
        words = ["pod", words[0]]
    named = [word for word in words if not re.match(r"\d+(:\d+)?$", word) and "=" not in word and word[-1] != "-"]
    kinds: list[str] = []
    for word in named:
        kind, slash, name = word.partition("/")
        if not slash and kinds:
            kind, name = kinds[0], word
        for one in kind.split(","):
            if one not in cluster.kinds():
                yield f"there is no kind {one}"
            elif name and not cluster.has(cluster.kinds()[one], name, namespace):
                yield f"there is no {one} {name} in {namespace}"
        kinds = kinds or ([] if slash else [kind])
