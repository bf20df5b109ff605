"""The officer and the approver of a stack, at their browsers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from deploy.local.officers import development_accounts
from deploy.local.stack import LocalStack
from services.privacy.console.account_store import AccountStore
from services.privacy.console.accounts import Accounts
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import Passwords
from services.privacy.console.roles import Role
from shared.stores.mongo import connect
from tests.browser.visitors import Visitor, Visitors


async def at_the_console(visitors: Visitors, stack: LocalStack, role: Role, **window: Any) -> Visitor:
    """Somebody of that role, signed in as for the first time."""
    async with _accounts(stack) as accounts:
        visitor, name = await _at_the_secret(visitors, stack, role, accounts, **window)
        await visitor.page.fill("#code", await accounts.present_code(name, datetime.now(UTC)))
        await visitor.page.click("main button[type=submit]")
        await visitor.page.wait_for_url("**/console")
        return visitor


async def shown_a_secret(visitors: Visitors, stack: LocalStack, role: Role, **window: Any) -> Visitor:
    """Somebody of that role who has just given a new password, and is shown the secret of their one-time codes."""
    async with _accounts(stack) as accounts:
        visitor, _ = await _at_the_secret(visitors, stack, role, accounts, **window)
        return visitor


@asynccontextmanager
async def _accounts(stack: LocalStack) -> AsyncIterator[Accounts]:
    client = connect(stack.info.mongodb.uri, service="test")
    try:
        secrets = OneTimeSecrets.from_folder(stack.layout.keys / "privacy")
        yield Accounts(AccountStore(client["privacy"]), Passwords(), secrets)
    finally:
        client.close()


async def _at_the_secret(
    visitors: Visitors, stack: LocalStack, role: Role, accounts: Accounts, **window: Any
) -> tuple[Visitor, str]:
    """The visitor, and the name of the account."""
    members = await development_accounts(stack.layout, stack.info.mongodb.uri)
    (member,) = (member for member in members if member.role == role)
    await accounts.reset(member.name, member.password)
    visitor = await visitors.come("privacy", **window)
    await visitor.goto("/console")
    await visitor.page.fill("#name", member.name)
    await visitor.page.fill("#password", member.password)
    await visitor.page.click("main button[type=submit]")
    await visitor.page.wait_for_selector("#code")
    return visitor, member.name
