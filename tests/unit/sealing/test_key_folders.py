"""Who is given which half of a key-encryption key is what the policy's access to people's keys makes of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.layout import SERVICES
from deploy.provision.keys import provision
from shared.policy.access import kek_grants, kek_listers
from shared.policy.load import load_policy
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, create_epoch, destroy_epoch
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper

POLICY = load_policy()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    provision(tmp_path, POLICY)
    return tmp_path


def test_public_halves_are_with_those_who_may_seal_and_private_ones_with_their_reader(root: Path) -> None:
    halves = {("seal", path.parts[-4], path.parts[-2]) for path in root.glob("*/public/*/*.json")}
    halves |= {("open", path.parts[-3], path.parts[-3]) for path in root.glob("*/kek/*.json")}
    assert halves == {(grant.act, grant.service, grant.reader) for grant in kek_grants(POLICY)}


def test_epochs_are_known_to_those_who_seal_or_certify_alone(root: Path) -> None:
    knowing = {service for service in SERVICES if KekFiles(root / service, service).epochs("delivery")}
    assert knowing == set(kek_listers(POLICY))


def test_whoever_only_certifies_sees_a_destroyed_epoch_go(root: Path) -> None:
    create_epoch(root, "delivery", 2)
    destroy_epoch(root, "delivery", 1)
    assert KekFiles(root / "privacy", "privacy").epochs("delivery") == [2]


def test_public_half_given_earlier_is_taken_back(root: Path) -> None:
    given = root / "privacy/public/delivery/1.json"
    given.parent.mkdir(parents=True)
    given.write_text((root / "intake/public/delivery/1.json").read_text())
    provision(root, POLICY)
    assert not given.exists()


def test_privacy_service_can_not_put_keys_of_its_own_making_into_the_keyring(root: Path) -> None:
    """It may change people's columns. Intake would seal the next order under a bunch that it could open."""
    known = SubjectKeys.create("5" * 32, POLICY.readers)
    forger = KeyWrapper(KekFiles(root / "privacy", "privacy"), 60)
    with pytest.raises(KekUnavailable):
        known.columns(forger, "intake")
    own = known.columns(KeyWrapper(KekFiles(root / "intake", "intake"), 60), "intake")["privacy"]
    for moved in (own, replace(own, epoch=2)):  # nor does one that was made for itself pass for intake's
        with pytest.raises(KekUnavailable):
            KeyUnwrapper(KekFiles(root / "intake", "intake"), "intake", 60).unwrap(moved, "5" * 32)
