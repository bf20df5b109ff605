"""What `sealed secrets` gives each service is enough: all four run with the keys of their Secrets and no others."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.demo.patient import PatientApi
from deploy.demo.people import DELIVERED, order_of
from deploy.k8s_manifests.secret_values import Installation, Values
from deploy.local.layout import Layout
from deploy.local.stack import LocalStack, local_stack
from shared.policy.load import load_policy

pytestmark = [pytest.mark.integration, pytest.mark.slow]
POLICY = load_policy()
PATIENCE_SECONDS = 90


def mounted(values: Values, service: str, folder: Path) -> Path:
    """The key folder as the pod's volume has it: `kek.1.json` is kek/1.json."""
    for key, text in values["sealed-orders", f"{service}-keys"].items():
        *folders, name, suffix = key.split(".")
        path = folder.joinpath(service, *folders, f"{name}.{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / service


async def test_an_order_goes_its_way_with_the_keys_of_the_secrets(tmp_path: Path) -> None:
    var = tmp_path / "var"
    values = Installation(Layout.at(var), "mongodb://admin:x@nobody.invalid").values(POLICY)

    async def as_in_a_pod(service: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        uri = values["sealed-orders", f"{service}-mongodb"]["uri"]
        assert urlsplit(uri).password == urlsplit(environment["MONGODB_URI"]).password
        return {**environment, "SEALED_KEYS_DIR": str(mounted(values, service, tmp_path / "keys"))}

    async with local_stack(var, kafka_brokers=0, rewire=as_in_a_pod) as stack:
        shop = PatientApi(
            stack.info.services["intake"].url, values["sealed-orders", "intake-tokens"]["SEALED_SHOP_TOKEN"]
        )
        version = POLICY.version_at(datetime.now(UTC).date()).version
        await shop.post("/v1/orders", order_of(DELIVERED, version), key="one")
        await shop.close()
        await a_mail(stack)


async def a_mail(stack: LocalStack) -> None:
    """The confirmation: notifications opened what intake had sealed for it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not list(stack.info.outside.mail_dir.glob("*.eml")):
            await asyncio.sleep(0.2)
