"""`sealed secrets` makes every Secret that the manifests read, with what it may hold and nothing else."""

import base64
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from deploy.cli import app
from deploy.k8s_manifests.keys import secret_key
from deploy.provision.migrate import passwords
from deploy.provision.vault import token_file
from shared.policy.model import Policy
from shared.sealing.kek_files import KekFolders, write_secret
from shared.sealing.kek_vault import VaultAddress
from tests.deploy.built import POLICY, key_files
from tests.deploy.parts import WORKLOADS, secrets_of
from tests.deploy.render import objects, rendered

URI = "mongodb://root:a%2Fb@mongodb-0.example.kz,mongodb-1.example.kz/?replicaSet=rs0"
MADE_BY_OTHERS = {"sealed-orders-cluster-ca-cert"}  # by Strimzi, copied to the services' namespace
GIVEN_BY_OTHERS = {"privacy-mailbox"}  # its server's
FILLED_BY_OTHERS = {*GIVEN_BY_OTHERS, "privacy-single-sign-on", "keda-kafka"}  # docs/operations.md, step 4


def made(folder: Path, *vault: str) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """(namespace, name) → key → value, as kubectl is given them."""
    done = CliRunner().invoke(app, ["secrets", str(folder), "--mongodb-uri", URI, *vault])
    assert done.exit_code == 0, done.output
    found = yaml.safe_load_all((folder / "secrets.yaml").read_text())
    return {
        (one["metadata"]["namespace"], one["metadata"]["name"]): {
            key: base64.b64decode(value).decode() for key, value in one["data"].items()
        }
        for one in found
    }


def test_a_pod_of_the_trial_finds_every_secret_it_reads(tmp_path: Path) -> None:
    secrets = made(tmp_path)
    pods = [one for one in objects(rendered("overlays/trial", (), tmp_path)) if one["kind"] in WORKLOADS]
    read = {where for one in pods for where in secrets_of(one, optional=False)}
    assert read
    missing = {(name, key) for name, key in read if key not in secrets.get(("sealed-orders", name), {})}
    assert {name for name, _ in missing} <= MADE_BY_OTHERS


def test_strimzi_is_given_the_password_that_the_service_signs_in_with(tmp_path: Path) -> None:
    secrets = made(tmp_path)
    users = [one for one in objects(rendered("overlays/trial", (), tmp_path)) if one["kind"] == "KafkaUser"]
    assert len(users) == len(POLICY.erasing_stores)
    for user in users:
        named = user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"]
        theirs = secrets[user["metadata"]["namespace"], named["name"]]
        assert theirs == secrets["sealed-orders", f"{user['metadata']['name']}-kafka"]


@pytest.mark.parametrize("service", POLICY.erasing_stores)
def test_a_service_is_given_the_keys_it_may_hold(service: str, tmp_path: Path) -> None:
    assert made(tmp_path)["sealed-orders", f"{service}-keys"].keys() == {
        secret_key(path) for path in key_files(service)
    }


def test_the_migration_reads_a_password_for_each_user(tmp_path: Path) -> None:
    secrets = made(tmp_path)
    folder = tmp_path / "mounted"
    folder.mkdir()
    for service in POLICY.erasing_stores:
        (folder / service).write_text(secrets["sealed-orders", f"{service}-mongodb"]["uri"])
    assert len(set(passwords(folder, POLICY).values())) == len(POLICY.erasing_stores)


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name a Vault which gives each service its token: tests/integration/a_vault.py is a real one."""

    def provision(address: VaultAddress, policy: Policy, keys_root: Path) -> None:
        assert (address.url, address.mount, address.ca_file) == ("https://vault.example.kz", "own", tmp_path / "ca")
        for service in policy.erasing_stores:
            write_secret(token_file(keys_root, service), f"of-{service}")

    monkeypatch.setattr("deploy.provision.vault.provision", provision)
    token = tmp_path / "administrator"
    token.write_text("of-administrator\n")
    named = ("--vault-addr", "https://vault.example.kz", "--vault-token-file", str(token))
    return (*named, "--vault-mount", "own", "--vault-ca-file", str(tmp_path / "ca"))


def test_a_pod_of_production_finds_every_secret_it_reads(tmp_path: Path, vault: tuple[str, ...]) -> None:
    secrets = made(tmp_path / "made", *vault)
    pods = [one for one in objects(rendered("overlays/production", (), tmp_path)) if one["kind"] in WORKLOADS]
    read = {where for one in pods for where in secrets_of(one, optional=False)}
    assert {name for name, _ in read} >= {"vault-admin", "delivery-vault"}
    held = {name: {*values, "*"} for (space, name), values in secrets.items() if space == "sealed-orders"}
    assert {name for name, key in read if key not in held.get(name, ())} == MADE_BY_OTHERS | GIVEN_BY_OTHERS


def test_with_vault_a_service_is_given_its_token_and_no_key_of_an_epoch(tmp_path: Path, vault: tuple[str, ...]) -> None:
    secrets = made(tmp_path / "made", *vault)
    assert secrets["sealed-orders", "vault-admin"] == {"token": "of-administrator"}
    for service in POLICY.erasing_stores:
        assert secrets["sealed-orders", f"{service}-vault"] == {"token": f"of-{service}"}
        held = secrets["sealed-orders", f"{service}-keys"].keys()
        assert held == {secret_key(path) for path in key_files(service) if not path.endswith("/1.json")}


def test_a_store_has_what_external_secrets_read_from_it(tmp_path: Path) -> None:
    secrets = made(tmp_path)
    external = [
        one for one in objects(rendered("overlays/production", (), tmp_path)) if one["kind"] == "ExternalSecret"
    ]
    entries = [
        (one["metadata"], entry["secretKey"], entry["remoteRef"]) for one in external for entry in one["spec"]["data"]
    ]
    ours = [entry for entry in entries if (entry[0]["namespace"], entry[0]["name"]) in secrets]
    assert {known["name"] for known, *_ in entries} - {known["name"] for known, *_ in ours} == FILLED_BY_OTHERS
    for known, key, there in ours:
        kept = json.loads((tmp_path / "store" / f"{there['key']}.json").read_text())
        assert kept[there["property"]] == secrets[known["namespace"], known["name"]][key]


@pytest.mark.parametrize("command", ["secrets FOLDER --mongodb-uri x", "keys rotate --kek vault --admin-mongodb-uri x"])
@pytest.mark.parametrize("half", ["--vault-addr https://vault.example.kz", "--vault-token-file token"])
def test_a_vault_that_is_named_by_half_is_refused(command: str, half: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, f"{command.replace('FOLDER', str(tmp_path))} {half}".split())
    assert done.exit_code == 2
    assert "Vault needs both" in done.output


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    assert made(tmp_path) == made(tmp_path)


def test_a_destroyed_epoch_is_in_no_secret_any_more(tmp_path: Path) -> None:
    before = made(tmp_path)["sealed-orders", "delivery-keys"]
    folders = KekFolders(tmp_path / "keys")
    folders.create("delivery", 2)
    folders.destroy("delivery", 1)
    after = made(tmp_path)
    assert "kek.1.json" in before
    assert [key for key in after["sealed-orders", "delivery-keys"] if key.startswith("kek.")] == ["kek.2.json"]
    assert "public.delivery.1.json" not in after["sealed-orders", "intake-keys"]


def test_only_its_owner_may_read_what_is_written(tmp_path: Path) -> None:
    made(tmp_path)
    written = [tmp_path / "secrets.yaml", *(tmp_path / "store").rglob("*.json")]
    assert len(written) > len(POLICY.erasing_stores)
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
