"""Kubernetes' own schemas, and the CRDs' in tests/deploy/crds. A kind that neither knows is a fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from tests.deploy.render import Manifest

VERSION: Final = "1.37"
CRDS: Final = [yaml.safe_load(path.read_text()) for path in sorted(Path(__file__).with_name("crds").glob("*.yaml"))]


def schemas_accept(objects: list[Manifest]) -> Iterator[str]:
    for one in objects:
        kind = (one["apiVersion"], one["kind"])
        try:
            if schema := OF_CRD.get(kind):
                schema.validate(one)
            else:
                kubernetes_validate.validate(one, VERSION, strict=True)
        except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
            yield f"{one['kind']} {one['metadata']['name']}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{one['kind']} {one['apiVersion']} is unknown"


def _closed(schema: Any) -> Any:
    """A field that the server would prune is a mistake; "int or string" is said in JSON Schema's words."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items() if name != "format"}
    if closed.pop("x-kubernetes-int-or-string", False):
        closed["type"] = ["integer", "string"]
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and "properties" in schema and not keeps:
        closed["additionalProperties"] = False
    return closed


def _of_crd() -> Iterator[tuple[tuple[str, str], Any]]:
    for crd in CRDS:
        spec = crd["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


# Made once: checking a schema itself takes a second.
OF_CRD: Final = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in _of_crd()}
