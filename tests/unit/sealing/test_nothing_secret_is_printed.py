"""Whatever holds key material or a person's fields prints nothing of them: logs and debuggers use `repr`."""

import json
from importlib import import_module
from pathlib import Path

import pytest

import services
from deploy.provision.keys import provision
from services.privacy.case_facts import Contact
from services.privacy.find_subject import Find
from services.privacy.settings import PrivacySettings
from shared.contracts.views import DeliveryView, NotificationsView, PrivacyView
from shared.policy.load import load_policy
from shared.sealing.keyring import Held, KeyringReader
from shared.sealing.opener import Sealed
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import WrappedKey
from shared.stores.receipts import Signer
from tests.builders import a_person, an_order_placed, received, values_of
from tests.unit.sealing.a_keyring import READERS, FakeKeyring

ENVELOPE = b"an envelope with its content"
PERSON = a_person()


@pytest.fixture(scope="module")
def keys_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    provision(root, load_policy())
    return root


async def secrets(keys_root: Path) -> list[tuple[object, list[str]]]:
    """Each object with what it must not print."""
    keys = SubjectKeys.create("5" * 32, READERS)
    keyring = FakeKeyring(keys_root)
    reader = KeyringReader(keyring, keyring.unwrapper(), max_age_seconds=60)
    held = await reader.state(keyring.add().subject_id)
    assert isinstance(held, Held)
    held.key()
    wrapped = WrappedKey(1, b"sealed session", b"wrapped data key")
    person = PERSON.model_dump()
    envelopes = {"delivery": ENVELOPE, "notifications": ENVELOPE}
    event = an_order_placed(sealed=envelopes)
    signing = json.loads((keys_root / "privacy/signing.json").read_text())["d"]
    settings = PrivacySettings.model_validate(
        {
            "SEALED_PORT": 1,
            "KAFKA_BOOTSTRAP_SERVERS": "k",
            "MONGODB_URI": "mongodb://u:pass-word@h/",
            "SEALED_KEYS_DIR": ".",
            "SEALED_OFFICER_TOKEN": "tok-en",
            "SMTP_HOST": "h",
            "SMTP_PORT": 1,
        }
    )
    return [
        (keys, [material.hex() for material in keys._material.values()] + ["Aead"]),
        (held, ["Aead", "wrapped=b"]),
        (wrapped, ["sealed session", "wrapped data key"]),
        (Sealed("e", "t", "s", ENVELOPE), [ENVELOPE.decode()]),
        (Contact(event_id="e", event_type="t", envelope=ENVELOPE), [ENVELOPE.decode()]),
        (event, [ENVELOPE.decode(), "sealed"]),
        (received(event), [ENVELOPE.decode(), "sealed"]),
        (Signer.from_folder(keys_root / "privacy"), [signing, "Ed25519PrivateKey"]),
        (PeopleIndex.from_folder(keys_root / "privacy"), ["prf", "Prf"]),
        (PERSON, values_of(PERSON)),
        (DeliveryView.model_validate(person), values_of(PERSON)),
        (NotificationsView.model_validate(person), values_of(PERSON)),
        (PrivacyView.model_validate(person), values_of(PERSON)),
        (Find(phone=PERSON.phone), values_of(PERSON)),
        (settings, ["pass-word", "tok-en"]),
    ]


async def test_nothing_secret_is_printed(keys_root: Path) -> None:
    printed = [
        (type(thing).__name__, secret)
        for thing, hidden in await secrets(keys_root)
        for text in (repr(thing), str(thing), f"{thing}", repr([thing]))
        for secret in hidden
        if secret in text
    ]
    assert printed == []


SERVICES = sorted(path.parent.name for path in Path(services.__path__[0]).glob("*/settings.py"))


@pytest.mark.parametrize("service", SERVICES)
def test_missing_setting_does_not_print_the_others(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic quotes the whole environment it read, tokens included, in the error of one missing setting."""
    module = import_module(f"services.{service}.settings")
    [settings] = [kind for name, kind in vars(module).items() if name.lower() == f"{service}settings"]
    for name in ("SEALED_PORT", "SEALED_KEYS_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SEALED_OFFICER_TOKEN", "SEALED_SHOP_TOKEN", "SEALED_OPERATOR_TOKEN", "MONGODB_URI"):
        monkeypatch.setenv(name, "tok-en")
    with pytest.raises(ValueError, match="SEALED_PORT") as refusal:
        settings()
    assert "tok-en" not in str(refusal.value)
