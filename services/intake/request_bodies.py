"""How the OpenAPI document describes a body that is validated from its bytes."""

from typing import Any

from pydantic import BaseModel


def request_body(media_types: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """For a route's `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {name: {"schema": schema} for name in media_types}}}


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON Schema with its parts in their places: a reference would be looked for in the whole document."""
    schema = model.model_json_schema()
    parts: dict[str, Any] = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(parts[node["$ref"].rpartition("/")[2]])
        return {name: resolved(value) for name, value in node.items()}

    whole: dict[str, Any] = resolved(schema)
    return whole
