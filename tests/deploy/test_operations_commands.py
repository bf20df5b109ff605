"""What operators' pages tell them to type is there: commands, options, targets, objects, settings, files, headings."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from deploy.k8s_manifests.secret_values import Installation
from deploy.local.layout import Layout
from tests.deploy.built import POLICY
from tests.deploy.render import objects, rendered
from tests.deploy.typed import Typed, commands
from tests.deploy.typed_kubectl import Cluster, kubectl_faults
from tests.deploy.typed_sealed import ROOT, is_known, make_faults, module_faults, sealed_faults

DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"  # its blocks are lists with a remark in each line: its text alone is read
PAGES: Final = [
    README,
    *(DOCS / f"{name}.md" for name in ("operations", "restoring", "dead-letters", "soak", "benchmark")),
    *(path for path in (DOCS / "sizing.md", DOCS / "metrics.md") if path.exists()),
    *sorted((DOCS / "runbooks").glob("*.md")),
]
# Programs of the operator's own machine, or of the parts that others make.
OTHERS: Final = frozenset({
    "base64", "cat", "cd", "curl", "docker", "echo", "git", "grep", "head", "jq", "less", "ls", "mkdir", "mongodump",
    "mongorestore", "mongosh", "mv", "openssl", "podman", "promtool", "read", "rm", "sleep", "sort", "tail", "tr",
    "umask", "vault",
})  # fmt: skip
SETTING: Final = re.compile(r"\b(?:SEALED|VAULT|KAFKA|MONGODB|SMTP|SMS|OTEL)_[A-Z_]*[A-Z]\b")
LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    folder = tmp_path_factory.mktemp("installation")
    made = Installation(Layout.at(folder), "mongodb://a:b@example.kz").values(POLICY)
    strimzis = {(space, "sealed-orders-cluster-ca-cert") for space in ("kafka", "sealed-orders")}
    return Cluster(objects(rendered("overlays/production", (), folder)), frozenset({*made, *strimzis}))


def command_faults(page: str, cluster: Cluster) -> Iterator[str]:
    for typed in commands(page):
        yield from (f"nothing reads {name}" for name in typed.variables if SETTING.match(name) and not is_known(name))
        if typed.words:
            yield from _faults(typed, cluster)


def _faults(typed: Typed, cluster: Cluster) -> Iterator[str]:
    program, *arguments = typed.words

    def in_a_pod(words: Sequence[str]) -> Iterator[str]:
        if words[0] == "python":
            yield from module_faults(list(words[1:]))
        else:
            yield f"the image has no {words[0]}"

    if program == "sealed":
        yield from sealed_faults(arguments, whole=typed.whole)
    elif program == "make":
        yield from make_faults(arguments)
    elif program == "kubectl":
        yield from kubectl_faults(arguments, cluster, in_a_pod)
    elif program not in OTHERS:
        yield f"what is {program}?"


def setting_faults(page: str) -> Iterator[str]:
    yield from (f"nothing reads {name}" for name in sorted(set(SETTING.findall(page))) if not is_known(name))


def link_faults(page: str, path: Path) -> Iterator[str]:
    """Relative links: their file, and the heading in it."""
    for link in LINK.findall(FENCED.sub("", page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield f"there is no {link}"
        elif anchor and anchor not in _anchors(target.read_text() if target != path else page):
            yield f"there is no heading {link}"


def _anchors(page: str) -> set[str]:
    """As GitHub makes them of headings."""
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(FENCED.sub("", page)))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_a_page_says_to_type_is_there(path: Path, cluster: Cluster) -> None:
    page = path.read_text()
    typed = FENCED.sub("", page) if path == README else page
    assert [*command_faults(typed, cluster), *setting_faults(page), *link_faults(page, path)] == []


def test_operations_are_read_whole() -> None:
    typed = [one.words[0] for one in commands((DOCS / "operations.md").read_text()) if one.words]
    assert {"sealed", "kubectl", "make", "curl"} <= set(typed)
    assert len(typed) > 60


DEFECTS: Final = [
    ("an option mistyped", "sealed case CASE --wach", "wach"),
    ("a command mistyped", "sealed officers add NAME", "officers"),
    ("an argument too many", "sealed cases CASE", "CASE"),
    ("an argument missing", "sealed verify", "file"),
    ("a value that is none of the list", "sealed keys rotate --kek vaults", "vaults"),
    ("a target that is not there", "make checks", "checks"),
    ("a variable the Makefile does not read", "make run REPLICAZ=3", "REPLICAZ"),
    ("a verb mistyped", "kubectl rollout statuz deployment/intake", "statuz"),
    ("a flag of another verb", "kubectl apply --previous -k deploy/k8s/overlays/trial", "--previous"),
    ("a Deployment mistyped", "kubectl rollout restart deployment/inteke", "inteke"),
    ("the second of two names mistyped", "kubectl scale deployment/intake deployment/privaci --replicas=0", "privaci"),
    ("a name without its kind", "kubectl get scaledobject intake delivry", "delivry"),
    ("a kind mistyped", "kubectl get kafkatopicz -n kafka", "kafkatopicz"),
    ("an object of another namespace", "kubectl -n kafka get deployment intake", "intake"),
    ("a namespace that is not there", "kubectl -n kafkas get pods", "kafkas"),
    ("a label that nothing has", "kubectl logs -l app.kubernetes.io/name=intakes", "intakes"),
    ("one of several labels", "kubectl get pods -l 'app.kubernetes.io/name in (intake, delivry)'", "delivry"),
    ("an overlay that is not there", "kubectl apply -k deploy/k8s/overlays/staging", "staging"),
    ("a CronJob mistyped", "kubectl create job now --from=cronjob/rotate-key", "rotate-key"),
    ("a Secret mistyped", "kubectl get secret privacy-token", "privacy-token"),
    ("a module mistyped", "kubectl exec deployment/privacy -- python -m services.privacy.clii cases", "clii"),
    ("an option of a module", "kubectl exec deployment/privacy -- python -m services.privacy.cli cases --al", "--al"),
    ("a program that the image lacks", "kubectl exec deployment/privacy -- sh", "sh"),
    ("a setting mistyped", "SEALED_PRIVACI_URL=x sealed cases", "SEALED_PRIVACI_URL"),
    ("within another command", "export A=$(kubectl get secret privacy-tokenz)", "privacy-tokenz"),
    ("behind a pipe", "kubectl get pods | kubectl delete deployment/intako", "intako"),
    ("a program nobody knows", "sealde cases", "sealde"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "named"), [row[1:] for row in DEFECTS], ids=[row[0] for row in DEFECTS])
def test_a_planted_mistake_is_named(typed: str, named: str, cluster: Cluster) -> None:
    (fault, *_) = command_faults(f"```sh\n{typed}\n```\n", cluster)
    assert named in fault


def test_a_setting_in_the_text_is_one_that_is_read() -> None:
    assert [*setting_faults("`SEALED_IMAP_HOST` and `SEALED_IMAP_HOAST`")] == ["nothing reads SEALED_IMAP_HOAST"]


@pytest.mark.parametrize("link", ["operation.md", "operations.md#instal", "#instal", "runbooks/no.md"])
def test_a_link_that_leads_nowhere_is_named(link: str) -> None:
    page = f"# Install\n[a](operations.md#install) [b](#install) [c]({link})"
    (fault,) = link_faults(page, DOCS / "operations.md")
    assert link in fault
