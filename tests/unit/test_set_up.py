"""A set-up that can not install what is missing says what that is and how to get it, and fails."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.local.layout import ROOT

TOOLS: Final = ("sh", "dirname", "cat", "chmod", "cksum", "cut", "grep", "rm")
POLICY: Final = "/usr/sbin/policy-rc.d"
NAMED: Final = {
    "apiserver": "apt install golang-go",
    "browser": "apt install chromium",
    "image": "apt install buildah runc debootstrap",
    "kafka": "apt install openjdk-17-jre-headless maven",
    "mailbox": "apt install dovecot-imapd",
    "monitoring": "apt install prometheus",
}
SKIPPED: Final = {"mailbox", "monitoring"}  # where nothing says that no test may be skipped


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """All that a script finds: a few tools, and what a test puts beside them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or "")
    return folder


def stub(programs: Path, name: str, body: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\n{body}\n")
    (programs / name).chmod(0o755)


def run(part: str, programs: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Of a copy that finds nothing but `programs` and leaves the machine alone."""
    script = (ROOT / "deploy" / part / "set-up.sh").read_text().replace('PATH="$PATH:', 'OTHER="')
    copy = programs.parent / "deploy" / part / "set-up.sh"
    copy.parent.mkdir(parents=True)
    copy.write_text(script)
    for name in ("pom.xml", "go.mod", "go.sum"):
        (copy.parent / name).write_text("")
    install = copy.parents[1] / "debian-install.sh"
    install.write_text((ROOT / "deploy" / install.name).read_text().replace(POLICY, f"{programs}/policy"))
    install.chmod(0o755)
    environment = {"PATH": str(programs), "HOME": str(programs.parent), **more}
    argv = [str(programs / "sh"), str(copy), str(programs / "no-python")]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("part", NAMED)
def test_who_is_not_root_is_told_what_to_install(part: str, programs: Path) -> None:
    stub(programs, "id", "echo 1000")
    done = run(part, programs, CI="true")
    assert NAMED[part] in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("part", NAMED)
def test_where_only_tests_are_skipped_it_does_not_fail(part: str, programs: Path) -> None:
    stub(programs, "id", "echo 1000")
    assert (run(part, programs).returncode == 0) == (part in SKIPPED)


@pytest.mark.parametrize("part", NAMED)
def test_a_package_that_can_not_be_had_is_named(part: str, programs: Path) -> None:
    """As root, where apt-get reaches no server: it is asked, and what it could not do is said."""
    stub(programs, "id", "echo 0")
    stub(programs, "apt-get", f'echo "$@" >> {programs}/asked; exit 100')
    done = run(part, programs, CI="true")
    assert (programs / "asked").read_text() == "update -qq\n"
    assert not (programs / "policy").exists()
    assert NAMED[part] in done.stderr
    assert done.returncode == 1


def test_what_a_package_brings_is_not_started(programs: Path) -> None:
    stub(programs, "id", "echo 0")
    stub(programs, "apt-get", f"{programs}/policy; echo $? >> {programs}/answers")
    run("monitoring", programs)
    assert (programs / "answers").read_text() == "101\n101\n"  # no
    assert not (programs / "policy").exists()


def test_every_set_up_is_tried() -> None:
    assert {path.parent.name for path in (ROOT / "deploy").glob("*/set-up.sh")} == NAMED.keys()
    assert all(os.access(path, os.X_OK) for path in (ROOT / "deploy").glob("**/*.sh"))
