"""`sealed officer`: an administrator makes, lists, resets, disables and enables the console's accounts."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime

import pytest

from deploy.local.layout import ROOT
from deploy.local.stack import LocalStack
from services.privacy.console.account_store import AccountStore
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import Client

pytestmark = pytest.mark.integration


async def officer(stack: LocalStack, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors. As beside the privacy service: with its user and its keys."""
    where = {"MONGODB_URI": stack.mongodb_uri("privacy"), "SEALED_KEYS_DIR": str(stack.layout.keys / "privacy")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "officer", *arguments),
        cwd=ROOT,
        env={**os.environ, **where, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_an_account_from_its_making_to_its_end(stores: LocalStack) -> None:
    name = f"aigerim {new_id()[:8]}"
    code, out, _ = await officer(stores, "add", name, "--role", "approver", "--json")
    given = json.loads(out)
    assert code == 0
    assert len(given["password"]) >= 24
    assert (await officer(stores, "add", name))[0] == 1
    code, out, _ = await officer(stores, "code", name)
    assert out.strip().isdigit()
    assert len(out.strip()) == 6
    assert "new password" in (await officer(stores, "reset", "--help"))[1].lower()
    assert json.loads((await officer(stores, "reset", name, "--json"))[1])["password"] != given["password"]
    assert (await officer(stores, "disable", name))[0] == 0
    listed = json.loads((await officer(stores, "list", "--json"))[1])
    (row,) = [row for row in listed if row["name"] == name]
    assert (row["role"], row["state"], row["account_id"]) == ("approver", "disabled", given["account_id"])


async def test_an_account_of_single_sign_on_ends_by_its_number(stores: LocalStack, mongo: Client) -> None:
    store = AccountStore(mongo["privacy"])
    account = await store.of_identity(f"https://login.example.kz {new_id()}", "dana", "officer", datetime.now(UTC))

    async def state() -> str:
        listed = json.loads((await officer(stores, "list", "--json"))[1])
        return str(next(row["state"] for row in listed if row["account_id"] == account.account_id))

    assert await state() == "active"
    assert (await officer(stores, "disable", account.account_id))[0] == 0
    assert await state() == "disabled"
    assert (await officer(stores, "enable", account.account_id))[0] == 0
    assert await state() == "active"
    assert (await officer(stores, "reset", account.account_id))[0] == 1  # its password is the provider's


async def test_what_can_t_be_done_is_said_without_a_traceback(stores: LocalStack) -> None:
    for arguments in (("disable", "nobody"), ("add", "somebody", "--role", "queen"), ("code", "nobody")):
        code, _, err = await officer(stores, *arguments)
        assert code == 1, arguments
        assert "Traceback" not in err
        assert err.strip()
