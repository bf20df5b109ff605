"""The officer and the approver of a stack, at their browsers."""

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
    members = await development_accounts(stack.layout, stack.info.mongodb.uri)
    (member,) = (member for member in members if member.role == role)
    client = connect(stack.info.mongodb.uri, service="test")
    try:
        secrets = OneTimeSecrets.from_folder(stack.layout.keys / "privacy")
        accounts = Accounts(AccountStore(client["privacy"]), Passwords(), secrets)
        await accounts.reset(member.name, member.password)
        visitor = await visitors.come("privacy", **window)
        await visitor.goto("/console")
        await visitor.page.fill("#name", member.name)
        await visitor.page.fill("#password", member.password)
        await visitor.page.click("main button[type=submit]")
        await visitor.page.fill("#code", await accounts.present_code(member.name, datetime.now(UTC)))
        await visitor.page.click("main button[type=submit]")
        await visitor.page.wait_for_url("**/console")
        return visitor
    finally:
        client.close()
