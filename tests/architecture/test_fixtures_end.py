"""What a folder's tests share is ended after the last of them, not at the end of the run: a stack that idles on takes
half a core from all that come after it."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PACKAGE_WIDE = [path for path in TESTS.rglob("conftest.py") if 'scope="package"' in path.read_text()]


@pytest.mark.architecture
@pytest.mark.parametrize("path", PACKAGE_WIDE, ids=lambda path: str(path.relative_to(TESTS)))
def test_folder_of_a_package_wide_fixture_is_a_package(path: Path) -> None:
    """In any other folder pytest takes the scope for the whole run."""
    assert (path.parent / "__init__.py").exists()


def test_some_are_found() -> None:
    assert PACKAGE_WIDE
