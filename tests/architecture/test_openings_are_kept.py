"""What intake opens of a person the person can see (Law 94-V art. 24(1)(1)): each module that opens keeps the opening.

The other services' openings leave traces of their own: a disclosure, a message, a letter.
"""

import ast
from pathlib import Path

import pytest

from tests.architecture.a_copy import ROOT, a_copy, plant

pytestmark = pytest.mark.architecture
OPENS = ("open", "open_many", "open_with")


def opening_unseen(root: Path) -> list[str]:
    """Modules of intake that open envelopes and make no Opening."""
    found = []
    for path in sorted((root / "services" / "intake").rglob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        opens = any(
            isinstance(call, ast.Attribute) and call.attr in OPENS and _last_name(call.value).endswith("opener")
            for call in calls
        )
        if opens and not any(_last_name(call) == "Opening" for call in calls):
            found.append(str(path.relative_to(root)))
    return found


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def test_intake_opens_nothing_unseen() -> None:
    assert opening_unseen(ROOT) == []


@pytest.mark.parametrize(
    "source",
    [
        "async def look(opener, sealed): return await opener.open(sealed, purpose='3.2.4')",
        "class Look:\n    async def at(self, many): return await self._opener.open_many(many, purpose='3.2.4')",
    ],
)
def test_an_opening_that_is_not_kept_is_found(tmp_path: Path, source: str) -> None:
    root = a_copy(tmp_path)
    plant(root, "services.intake.show_basket", source)
    assert opening_unseen(root) == ["services/intake/show_basket.py"]
    plant(root, "services.intake.show_basket", f"{source}\nkept = Opening('subject', 'basket', '3.2.4', ())")
    assert opening_unseen(root) == []
