"""Metrics that an expression of PromQL asks for and the code does not have, and labels that it names."""

import re
from collections.abc import Iterator
from typing import Final

from deploy.monitoring.declared import labels_by_sample

SELECTED: Final = re.compile(r"\b(sealed_\w+)(?:\{([^}]*)\})?")
GROUPED: Final = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def unknown_in(expression: str) -> Iterator[str]:
    known, labels = labels_by_sample(), set[str]()
    for name, selector in SELECTED.findall(expression):
        if name not in known:
            yield name
            continue
        labels |= known[name]
        asked = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)
        yield from (f"{name}{{{label}}}" for label in asked if label not in known[name])
    for group in GROUPED.findall(expression):
        yield from (f"by {label}" for label in re.findall(r"\w+", group) if label not in labels)
