"""The commands of the manifests' jobs and the administrator's commands, in the image."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.k8s_manifests.pods import USER
from deploy.k8s_manifests.write import files
from deploy.local.stack import LocalStack, local_stack
from deploy.provision.mongodb import uri_of
from shared.policy.load import load_policy
from shared.stores.mongo import connect
from tests.deploy.parts import container as container_of
from tests.image.container import Container, as_a_secret

POLICY = load_policy()
JOBS = {
    one["metadata"]["name"]: container_of(one)["command"]
    for manifests in files(POLICY).values()
    for one in manifests
    if one["kind"] in ("Job", "CronJob")
}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("jobs"), services=(), kafka_brokers=0) as stack:
        yield stack


@pytest.mark.parametrize("job", JOBS)
def test_a_job_starts(job: str, container: Container) -> None:
    """Everything it imports is there."""
    done = container.run([*JOBS[job], "--help"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "sage: " in done.stdout


def test_a_module_that_is_not_there_is_noticed(container: Container) -> None:
    done = container.run(["python", "-m", "deploy.cli", "--help"])
    assert done.returncode != 0
    assert "No module named" in done.stderr


async def test_the_migration_does_its_work(stack: LocalStack, container: Container, tmp_path: Path) -> None:
    """What it is for, once, from the image: a service's user signs in with the password of its Secret."""
    uris = {service: uri_of(stack.info.mongodb.uri, service, "of-the-image") for service in POLICY.erasing_stores}
    (tmp_path / "made").mkdir()
    for service, uri in uris.items():
        (tmp_path / "made" / service).write_text(uri)
    mounts = {"/mongodb": as_a_secret(tmp_path / "made", tmp_path / "mounted", USER)}
    done = container.run(JOBS["migrate"], {"MONGODB_URI": stack.info.mongodb.uri}, mounts)
    assert (done.returncode, done.stderr) == (0, "")
    for service, uri in uris.items():
        client = connect(uri, service="test")
        await client[service]["outbox"].find_one()
        client.close()


def test_nothing_can_be_written_but_what_is_temporary(container: Container) -> None:
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('')"
    assert container.run(["python", "-c", write, "/tmp/file"]).returncode == 0
    for path in ("/app/file", "/venv/file", "/file"):
        done = container.run(["python", "-c", write, path])
        assert "Read-only file system" in done.stderr


def test_certificates_of_servers_can_be_checked(container: Container) -> None:
    """Vault, single sign-on and mail speak TLS: who signs for them is in the image."""
    count = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    assert int(container.run(["python", "-c", count]).stdout) > 100
