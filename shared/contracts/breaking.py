"""What breaks a consumer that still has the older schema, or an older message read by the newer one."""

from collections.abc import Mapping
from typing import Any


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any] | None) -> list[str]:
    """In words, by field. Adding an optional field is no break; consumers ignore what they do not know."""
    if new is None:
        return ["the event was removed"]
    changes = _object_changes(old, new, "")
    for name, definition in old.get("$defs", {}).items():
        changes += _object_changes(definition, new.get("$defs", {}).get(name, {}), f"{name}.")
    return changes


def _object_changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    changes = [f"field {prefix}{name} was removed" for name in before if name not in after]
    changes += [
        f"field {prefix}{name} changed its type or format"
        for name in before
        if name in after and _shape(before[name]) != _shape(after[name])
    ]
    newly_required = set(new.get("required", ())) - set(old.get("required", ()))
    changes += [f"field {prefix}{name} became required" for name in sorted(newly_required)]
    no_longer_sure = (set(old.get("required", ())) & set(after)) - set(new.get("required", ()))
    changes += [f"field {prefix}{name} is no longer always there" for name in sorted(no_longer_sure)]
    if "enum" in old and set(new.get("enum", ())) - set(old["enum"]):
        changes.append(f"{prefix or 'the value'} may now be something older consumers do not know")
    return changes


def _shape(schema: Any) -> Any:
    """The schema without what only people read."""
    if isinstance(schema, Mapping):
        return {
            name: _shape(value) for name, value in schema.items() if name not in ("title", "description", "default")
        }
    if isinstance(schema, list):
        return [_shape(value) for value in schema]
    return schema
