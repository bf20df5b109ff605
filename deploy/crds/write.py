"""`python -m deploy.crds.write`: fetch the definitions that manifests are held against, and write tests/deploy/crds.

From Go modules as they are; Strimzi's, which no registry has as files, from its classes by its own generator.
Descriptions and all versions but the one that the manifests use are left out: they say nothing to a check. Needs Go,
Java 17 and Maven.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

TARGET: Final = Path(__file__).parents[2] / "tests" / "deploy" / "crds"
POM: Final = Path(__file__).with_name("pom.xml")
GENERATOR: Final = "io.strimzi.crdgenerator.CrdGenerator"
CLASSES: Final = "io.strimzi.api.kafka.model"


@dataclass(frozen=True, slots=True)
class Definition:
    """`path`: within the Go module, or the class beneath Strimzi's package. `version`: the one that is kept."""

    file: str
    path: str
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Source:
    module: str
    release: str
    definitions: tuple[Definition, ...]


MODULES: Final = (
    Source(
        "github.com/external-secrets/external-secrets",
        "v1.3.2",
        (Definition("externalsecrets", "config/crds/bases/external-secrets.io_externalsecrets.yaml"),),
    ),
    Source(
        "github.com/kedacore/keda/v2",
        "v2.21.0",
        (
            Definition("scaledobjects", "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"),
            Definition("triggerauthentications", "config/crd/bases/keda.sh_triggerauthentications.yaml", "v1alpha1"),
        ),
    ),
    Source(
        "github.com/mongodb/mongodb-kubernetes-operator",
        "v0.9.0",
        (Definition("mongodbcommunity", "config/crd/bases/mongodbcommunity.mongodb.com_mongodbcommunity.yaml"),),
    ),
    Source(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        (
            Definition("podmonitors", "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"),
            Definition("prometheusrules", "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
        ),
    ),
)
STRIMZI: Final = Source(
    "github.com/strimzi/strimzi-kafka-operator",
    "0.51.0",
    (
        Definition("kafkas", "kafka.Kafka"),
        Definition("kafkanodepools", "nodepool.KafkaNodePool"),
        Definition("kafkatopics", "topic.KafkaTopic"),
        Definition("kafkausers", "user.KafkaUser"),
    ),
)


def main() -> None:
    for source in MODULES:
        for definition, crd in _of_module(source):
            _write(source, definition, crd)
    for definition, crd in _of_strimzi():
        _write(STRIMZI, definition, crd)


def _of_module(source: Source) -> Iterator[tuple[Definition, Any]]:
    """Raises CalledProcessError where the module can not be had; Go holds it against the public sum database."""
    argv = ["go", "mod", "download", "-json", f"{source.module}@{source.release}"]
    told = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    for definition in source.definitions:
        yield definition, yaml.safe_load(Path(json.loads(told)["Dir"], definition.path).read_text())


def _of_strimzi() -> Iterator[tuple[Definition, Any]]:
    with TemporaryDirectory() as folder:
        made = Path(folder)
        mvn = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        subprocess.run([*mvn, f"-DoutputDirectory={made / 'jars'}"], check=True)
        wanted = [f"{CLASSES}.{one.path}={made / one.file}" for one in STRIMZI.definitions]
        subprocess.run(["java", "-cp", f"{made / 'jars'}/*", GENERATOR, "--yaml", *wanted], check=True)
        for definition in STRIMZI.definitions:
            yield definition, yaml.safe_load((made / definition.file).read_text())


def _write(source: Source, definition: Definition, crd: Any) -> None:
    crd["spec"]["versions"] = [
        {**version, "schema": without_words(version["schema"]), "served": True, "storage": True}
        for version in crd["spec"]["versions"]
        if version["name"] == definition.version
    ]
    origin = f"{source.module.removesuffix('/v2')} {source.release}, Apache-2.0"
    text = f"# {origin}; descriptions and other versions left out.\n" + yaml.safe_dump(crd, sort_keys=False)
    (TARGET / f"{definition.file}.yaml").write_text(text, encoding="utf-8")


def without_words(schema: Any, *, fields: bool = False) -> Any:
    """`fields`: the names are those of fields, of which one may well be called description."""
    if isinstance(schema, list):
        return [without_words(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: without_words(part, fields=name == "properties")
        for name, part in schema.items()
        if fields or name not in ("description", "example")
    }


if __name__ == "__main__":
    main()
