"""The definitions in tests/deploy/crds are those that deploy/crds fetches: of these releases, whole but for words."""

from deploy.crds.write import MODULES, POM, STRIMZI, TARGET, without_words
from tests.deploy.schemas import CRDS

SOURCES = (*MODULES, STRIMZI)


def test_each_definition_is_of_the_release_that_is_named() -> None:
    named = {
        f"{definition.file}.yaml": (source.module.removesuffix("/v2"), source.release)
        for source in SOURCES
        for definition in source.definitions
    }
    lines = {path.name: path.read_text().splitlines()[0].split() for path in TARGET.glob("*.yaml")}
    assert {name: (line[1], line[2].removesuffix(",")) for name, line in lines.items()} == named


def test_each_has_the_one_version_that_is_kept() -> None:
    kept = {definition.file: definition.version for source in SOURCES for definition in source.definitions}
    found = {crd["spec"]["names"]["plural"]: [version["name"] for version in crd["spec"]["versions"]] for crd in CRDS}
    assert sorted(found.values()) == sorted([version] for version in kept.values())


def test_strimzis_classes_are_of_the_release_that_is_named() -> None:
    assert f"<artifactId>api</artifactId>\n      <version>{STRIMZI.release}</version>" in POM.read_text()


def test_words_are_left_out_and_fields_of_their_names_are_not() -> None:
    fields = {"description": {"type": "string", "description": "Words."}, "example": {"type": "string"}}
    schema = {"description": "Words.", "properties": fields, "items": [{"example": 1, "type": "object"}]}
    assert without_words(schema) == {
        "properties": {"description": {"type": "string"}, "example": {"type": "string"}},
        "items": [{"type": "object"}],
    }


def test_no_schema_has_words_left() -> None:
    schemas = [version["schema"] for crd in CRDS for version in crd["spec"]["versions"]]
    assert without_words(schemas) == schemas
