"""What breaks a consumer that still has the older schema (forward), or an older message read by the newer one
(backward): versions run side by side while a release rolls out, and the older one comes back after a rollback."""

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
    if old.get("additionalProperties", True) and new.get("additionalProperties", True) is False:
        changes.append(f"{prefix or 'the event'} refuses fields that another version may send")
    if not before and _shape(old) != _shape(new):
        changes.append(f"{prefix or 'the value'} may now be something else")
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
