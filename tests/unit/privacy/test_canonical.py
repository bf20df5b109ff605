"""What is signed is signed over its RFC 8785 form, whichever library makes it."""

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.stores.receipts import canonical

KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
SAFE_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | SAFE_INTEGERS | TEXTS
STATEMENTS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
)


@given(STATEMENTS)
def test_canonical_form_is_that_of_rfc_8785(statement: dict[str, object]) -> None:
    assert canonical(statement) == rfc8785.dumps(statement)
