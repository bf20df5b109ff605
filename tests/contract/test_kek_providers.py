"""Key-encryption keys mean the same as files and in a real OpenBao, with the rights of each service's own token."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from deploy.provision.keys import provision
from shared.policy.load import load_policy
from shared.sealing.kek import KekKeeper, KekOpener, KekSealer, KekUnavailable, KekUnreachable
from shared.sealing.kek_files import KekFiles, KekFolders
from shared.sealing.kek_vault import KekVault
from shared.sealing.wrapping import KeyUnwrapper, KeyWrapper
from tests.integration.a_vault import Vault, a_vault

SESSION, SUBJECT, MATERIAL = b"a session key", "5" * 32, b"material of a data key"
SERVICES = ("intake", "delivery", "notifications", "privacy")


class Provider(Protocol):
    keeper: KekKeeper

    def sealer(self, service: str) -> KekSealer: ...
    def opener(self, service: str, reader: str) -> KekOpener: ...


class Files:
    def __init__(self, keys_root: Path) -> None:
        provision(keys_root, load_policy())
        self.keeper: KekKeeper = KekFolders(keys_root)
        self._root = keys_root

    def sealer(self, service: str) -> KekFiles:
        return KekFiles(self._root / service, service)

    def opener(self, service: str, reader: str) -> KekFiles:
        return KekFiles(self._root / service, reader)


class InVault:
    def __init__(self, vault: Vault) -> None:
        self.keeper: KekKeeper = vault.keeper
        self._vault = vault

    def sealer(self, service: str) -> KekVault:
        return self._vault.kek(service)

    def opener(self, service: str, reader: str) -> KekVault:
        return self._vault.kek(service, reader)


@pytest.fixture(scope="module")
async def vault(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Vault]:
    async with a_vault(tmp_path_factory.mktemp("vault")) as vault:
        yield vault


@pytest.fixture(params=["files", pytest.param("vault", marks=pytest.mark.integration)])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    return Files(tmp_path) if request.param == "files" else InVault(request.getfixturevalue("vault"))


def newest(provider: Provider, reader: str) -> int:
    """A new epoch, so that no test sees another's."""
    epoch = max(provider.keeper.epochs(reader)) + 1
    provider.keeper.create(reader, epoch)
    return epoch


def test_reader_opens_what_the_publisher_sealed_for_it(provider: Provider) -> None:
    publisher = provider.sealer("intake")
    for reader in SERVICES:
        epoch = publisher.current_epoch(reader)
        assert provider.opener(reader, reader).open(epoch, publisher.seal(reader, epoch, SESSION)) == SESSION


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_opens_anothers(provider: Provider, service: str) -> None:
    publisher = provider.sealer("intake")
    for reader in set(SERVICES) - {service}:
        epoch = publisher.current_epoch(reader)
        sealed = publisher.seal(reader, epoch, SESSION)
        with pytest.raises((KekUnavailable, KekUnreachable)):
            provider.opener(service, reader).open(epoch, sealed)


@pytest.mark.parametrize("service", ["delivery", "notifications"])
def test_reader_that_publishes_nothing_can_not_seal(provider: Provider, service: str) -> None:
    with pytest.raises((KekUnavailable, KekUnreachable)):
        provider.sealer(service).seal(service, 1, SESSION)


def test_whoever_certifies_knows_the_epochs(provider: Provider) -> None:
    for reader in SERVICES:
        assert list(provider.sealer("privacy").epochs(reader)) == list(provider.keeper.epochs(reader))


def test_session_of_another_epoch_or_reader_is_refused(provider: Provider) -> None:
    publisher, first = provider.sealer("intake"), provider.sealer("intake").current_epoch("delivery")
    second = newest(provider, "delivery")
    sealed = publisher.seal("delivery", first, SESSION)
    with pytest.raises(KekUnavailable):
        provider.opener("delivery", "delivery").open(second, sealed)
    with pytest.raises(KekUnavailable):
        provider.opener("notifications", "notifications").open(publisher.current_epoch("notifications"), sealed)


def test_changed_session_is_refused(provider: Provider) -> None:
    publisher = provider.sealer("intake")
    epoch = publisher.current_epoch("delivery")
    sealed = publisher.seal("delivery", epoch, SESSION)
    opener = provider.opener("delivery", "delivery")
    for changed in (sealed[:-8] + bytes([sealed[-8] ^ 1]) + sealed[-7:], sealed[:-4], b"", b"\xff\x00"):
        with pytest.raises(KekUnavailable):
            opener.open(epoch, changed)


def test_destroyed_epoch_opens_nothing_and_does_not_come_back(provider: Provider) -> None:
    publisher, opener = provider.sealer("intake"), provider.opener("delivery", "delivery")
    old = publisher.current_epoch("delivery")
    sealed = publisher.seal("delivery", old, SESSION)
    new = newest(provider, "delivery")
    provider.keeper.destroy("delivery", old)
    provider.keeper.destroy("delivery", old)
    assert old not in provider.keeper.epochs("delivery")
    assert publisher.current_epoch("delivery") == new
    with pytest.raises(KekUnavailable):
        opener.open(old, sealed)
    with pytest.raises((KekUnavailable, KekUnreachable)):
        publisher.seal("delivery", old, SESSION)
    assert old not in provider.keeper.epochs("delivery"), "sealing to it brought its name back"
    with pytest.raises((KekUnavailable, KekUnreachable)):
        provider.keeper.opener("delivery").open(old, sealed)


def test_creating_an_epoch_twice_keeps_the_key(provider: Provider) -> None:
    publisher = provider.sealer("intake")
    epoch = publisher.current_epoch("privacy")
    sealed = publisher.seal("privacy", epoch, SESSION)
    provider.keeper.create("privacy", epoch)
    assert provider.opener("privacy", "privacy").open(epoch, sealed) == SESSION


async def test_prepared_keys_are_wrapped_and_unwrapped_without_asking_again(provider: Provider) -> None:
    sealer, opener = Counted(provider.sealer("intake")), Counted(provider.opener("delivery", "delivery"))
    wrapper, unwrapper = KeyWrapper(sealer, 60), KeyUnwrapper(opener, "delivery", 60)
    await wrapper.prepare(["delivery"])
    keys = [wrapper.wrap(MATERIAL, SUBJECT, "delivery") for _ in range(50)]
    assert sealer.calls == 2, "the current epoch, and one session"
    await unwrapper.prepare(keys)
    assert {unwrapper.unwrap(key, SUBJECT) for key in keys} == {MATERIAL}
    assert opener.calls == 1
    gone = replace(keys[0], epoch=9_999)
    await unwrapper.prepare([gone])
    assert opener.calls == 2
    with pytest.raises(KekUnavailable):
        unwrapper.unwrap(gone, SUBJECT)
    assert opener.calls == 2, "what did not open is not asked for again at once"


class Counted:
    """A sealer or opener that counts what it is asked."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self._inner, name)


@pytest.mark.integration
class TestVault:
    def test_no_service_reads_a_key_or_makes_or_destroys_one(self, vault: Vault) -> None:
        for service in SERVICES:
            keeper = type(vault.keeper)(vault.of(service))
            with pytest.raises(KekUnreachable, match="403"):
                keeper.create("delivery", 99)
            with pytest.raises(KekUnreachable, match="403"):
                keeper._transit.ask("GET", "export/encryption-key/delivery.1")
            with pytest.raises(KekUnreachable, match="403"):
                keeper._transit.ask("DELETE", "keys/delivery.1")
        with pytest.raises(KekUnreachable, match="400"):
            vault.keeper._transit.ask("GET", f"export/encryption-key/delivery.{vault.keeper.epochs('delivery')[-1]}")

    def test_session_is_bound_to_its_reader_and_epoch_and_not_by_the_keys_name_alone(self, vault: Vault) -> None:
        epoch = vault.kek("intake").current_epoch("delivery")
        sealed = vault.kek("intake").seal("delivery", epoch, SESSION)
        unbound = {"ciphertext": sealed.decode()}
        answer = vault.keeper._transit._send("POST", f"decrypt/delivery.{epoch}", unbound)
        assert answer.status_code == 400

    def test_readers_that_need_no_epochs_can_not_list_them(self, vault: Vault) -> None:
        for service in ("delivery", "notifications"):
            with pytest.raises(KekUnreachable, match="403"):
                vault.kek(service).epochs(service)

    def test_token_that_is_good_no_more_is_a_passing_fault(self, vault: Vault, tmp_path: Path) -> None:
        epoch = vault.kek("intake").current_epoch("delivery")
        sealed = vault.kek("intake").seal("delivery", epoch, SESSION)
        wrong = tmp_path / "token"
        kek = KekVault(replace(vault.address, token_file=wrong), "delivery")
        with pytest.raises(KekUnreachable):
            kek.open(epoch, sealed)
        wrong.write_text("s.nothing")
        with pytest.raises(KekUnreachable, match="403"):
            kek.open(epoch, sealed)
        wrong.write_text(vault.of("delivery").token_file.read_text())
        assert kek.open(epoch, sealed) == SESSION, "a renewed token is taken up"

    async def test_server_that_is_away_is_a_passing_fault_and_keeps_its_keys(self, vault: Vault) -> None:
        epoch = vault.kek("intake").current_epoch("delivery")
        sealed = vault.kek("intake").seal("delivery", epoch, SESSION)
        kek = vault.kek("delivery")
        await vault.server.stop()
        with pytest.raises(KekUnreachable, match="ConnectError"):
            kek.open(epoch, sealed)
        await vault.server.start()
        for _ in range(100):
            try:
                assert kek.open(epoch, sealed) == SESSION
                return
            except KekUnreachable:  # it unseals itself
                await asyncio.sleep(0.1)
        pytest.fail("it did not come back")

    def test_errors_say_nothing_of_what_was_sent(self, vault: Vault) -> None:
        with pytest.raises(KekUnavailable) as refusal:
            vault.kek("delivery").open(1, b"vault:v1:secret-looking-text")
        assert "secret-looking" not in str(refusal.value)
        assert refusal.value.__cause__ is None
