"""Which engine builds, and what is said where none can."""

from pathlib import Path

import pytest

from deploy.image.engine import NoEngine, engine

NO_DAEMON = "echo Cannot connect to the Docker daemon. >&2; exit 1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what is installed; nothing else is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ENGINE", raising=False)
    return tmp_path


def install(here: Path, name: str, does: str = "exit 0") -> None:
    (here / name).write_text(f"#!/bin/sh\n{does}\n")
    (here / name).chmod(0o755)


def test_the_first_that_works_builds(here: Path) -> None:
    install(here, "buildah")
    assert engine() == "buildah"
    install(here, "podman")
    assert engine() == "podman"
    install(here, "docker")
    assert engine() == "docker"


def test_a_client_without_its_daemon_is_passed_over(here: Path) -> None:
    install(here, "docker", NO_DAEMON)
    install(here, "buildah")
    assert engine() == "buildah"


def test_where_none_works_each_is_named_with_its_fault_and_the_remedy(here: Path) -> None:
    install(here, "docker", NO_DAEMON)
    with pytest.raises(NoEngine) as told:
        engine()
    lines = str(told.value).splitlines()
    assert lines[1:4] == [
        "  docker: Cannot connect to the Docker daemon.",
        "  podman: not installed",
        "  buildah: not installed",
    ]
    assert "install Podman or buildah" in lines[4]


def test_the_one_that_is_asked_for_is_taken_or_missed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(here, "docker")
    monkeypatch.setenv("ENGINE", "buildah")
    with pytest.raises(NoEngine, match="buildah: not installed"):
        engine()
    monkeypatch.setenv("ENGINE", "kaniko")
    with pytest.raises(NoEngine, match="not one of docker, podman, buildah"):
        engine()
    install(here, "buildah")
    monkeypatch.setenv("ENGINE", "buildah")
    assert engine() == "buildah"
