"""An officer answers an e-mailed application: from the mail to the certificate, and the reply in the writer's language.

Somebody writes from an address that nobody registered, is asked for proof, and answers from the one of their order.
"""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

import aiosmtplib
import pytest
from bson import BSON
from playwright.async_api import Page, expect

from deploy.local.stack import LocalStack
from services.privacy.mailbox.application_store import COLLECTION
from tests.browser.officers import at_the_console
from tests.browser.visitors import SIZES, Scheme, Visitors, assert_accessible
from tests.e2e.world import World, somebody
from tests.integration.a_mailbox import a_mail, needs_dovecot
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, needs_dovecot]
PATIENCE = 60_000  # milliseconds: the second pass waits for the key caches
TEXT = "Здравствуйте! Отзываю согласие на обработку моих персональных данных. Камешкова-Канареечная"
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>&amp; {{ 7*7 }}"


async def write(stack: LocalStack, mail: EmailMessage) -> None:
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=stack.info.outside.smtp_port, start_tls=False)


async def application_of(world: World, mail: EmailMessage, stack: LocalStack) -> str:
    """Sends it; the number of the application that is new then."""
    applications = world.admin["privacy"][COLLECTION]
    before = await applications.distinct("_id")
    await write(stack, mail)

    async def new() -> list[str]:
        return [i for i in await applications.distinct("_id") if i not in before]

    return (await until(new, len))[0]


def replies_to(stack: LocalStack, address: str) -> list[EmailMessage]:
    paths = sorted(stack.layout.mail_dir.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    mails = [cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=default)) for path in paths]
    return [mail for mail in mails if mail["To"] == address]


async def reply_to(stack: LocalStack, address: str, subject: str) -> EmailMessage:
    async def found() -> list[EmailMessage]:
        return [mail for mail in replies_to(stack, address) if mail["Subject"] == subject]

    (reply,) = await until(found, len)
    return reply


async def press(page: Page, action: str) -> None:
    await page.click(f"form[action$='{action}'] button[type=submit]")


async def test_from_the_mail_to_the_certificate_and_the_reply(
    visitors: Visitors, stack: LocalStack, world: World
) -> None:
    person = somebody("pisatel", 560)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    await world.operate(order, "deliver")
    stranger = "kanareika@example.com"
    mail = a_mail(TEXT, sender=f"Кто-то <{stranger}>", subject="Отзыв согласия")
    application_id = await application_of(world, mail, stack)

    officer = await at_the_console(visitors, stack, "officer", language="en")
    page = officer.page
    await page.click("nav a[href='/console/mailbox']")
    row = page.locator("tr", has=page.locator(f"a[href$='{application_id}']"))
    await expect(row).to_contain_text("15 working days left")
    assert stranger not in await page.content()  # who wrote is seen by opening it
    await assert_accessible(page)
    await page.click(f"a[href$='{application_id}']")
    await expect(page.locator("pre")).to_have_text(TEXT)
    await expect(page.locator("main")).to_contain_text(stranger)
    read = {"what": "application_read", "case_id": application_id}
    assert await world.admin["privacy"]["ledger"].count_documents(read) == 1
    await assert_accessible(page)
    await officer.shoot("application")

    await page.check("input[value=order_id]")
    await page.fill("#value", "not an order")
    await press(page, "/match")
    await expect(page.locator("#value-error")).to_be_visible()
    await page.fill("#value", order.order_id)
    await press(page, "/match")
    await expect(page.locator("main")).to_contain_text("not proven yet")
    await expect(page.locator("#language")).to_have_value("ru")
    await press(page, "/proof-request")
    await expect(page.locator("[data-reply=proof_wanted]")).to_be_visible()
    asked = await reply_to(stack, stranger, "Ваше заявление: подтвердите, пожалуйста, что пишете Вы")
    assert asked["In-Reply-To"] == mail["Message-ID"]
    assert TEXT not in asked.get_content()

    answer = a_mail("Это я. Канареечная.", sender=person.email, In_Reply_To=asked["Message-ID"])
    await application_of(world, answer, stack)
    await page.reload()
    await expect(page.locator(".note")).to_contain_text("from an address registered for this person")
    await page.select_option("#proof", "wrote_from_registered_address")
    await press(page, "/proof")
    await press(page, "/inspections")
    await expect(page.locator("input[name=scope]").first).to_be_visible(timeout=PATIENCE)
    await expect(page.locator("[data-collection='intake.orders']")).to_contain_text("1")
    await officer.shoot("application-preview")
    await page.click("#preview button[type=submit]")
    await page.wait_for_url("**/console/proposals/*")
    proposal = re.sub(r"^https?://[^/]+", "", page.url)

    approver = await at_the_console(visitors, stack, "approver", language="ru")
    await approver.goto(proposal)
    await expect(approver.page.locator("main")).to_contain_text("с указанного в заказе адреса")
    assert not await approver.page.locator("nav a[href='/console/mailbox']").count()
    refused = await approver.page.request.get(approver.at(f"/console/mailbox/{application_id}"))
    assert refused.status == 403
    await approver.page.click("button[value=approved]")
    await reply_to(stack, stranger, "Ваше заявление зарегистрировано")

    await officer.goto(f"/console/mailbox/{application_id}")
    await page.click("main a[href^='/console/cases/']")
    await expect(page.get_by_role("status").first).to_contain_text("Closed", timeout=PATIENCE)
    case_id = page.url.rpartition("/")[2]
    done = await reply_to(stack, stranger, "Ваше заявление исполнено")
    assert done["In-Reply-To"] == mail["Message-ID"]
    assert case_id in done.get_content()
    certificate = await world.certificate(case_id)
    assert certificate["case_id"] == case_id

    async def deleted() -> int:
        return int(await world.admin["privacy"][COLLECTION].count_documents({"case_id": case_id, "deleted_at": None}))

    await until(deleted, lambda number: number == 0)
    await officer.goto(f"/console/mailbox/{application_id}")
    await expect(page.locator("main")).to_contain_text("The mail was deleted on")
    await assert_accessible(page)
    await nothing_of_it_is_kept(world, stack, [stranger, "Канареечная", "Отзыв согласия", str(mail["Message-ID"])])


async def nothing_of_it_is_kept(world: World, stack: LocalStack, words: list[str]) -> None:
    """In no document of the privacy database and in no log."""
    database = world.admin["privacy"]
    kept = b""
    for name in await database.list_collection_names():
        kept += b"".join([BSON.encode(document) async for document in database[name].find()])
    kept += b"".join(path.read_bytes() for path in stack.layout.log.iterdir())
    assert b"application_mail_deleted" in kept
    found = [number for number, word in enumerate(words) if word.encode() in kept]
    assert not found


async def test_hostile_mail_is_shown_as_text(visitors: Visitors, stack: LocalStack, world: World) -> None:
    mail = a_mail(HOSTILE, sender="hostile@example.com", subject=HOSTILE)
    mail.add_attachment(b"MZ" * 10, maintype="application", subtype="x-msdownload", filename="<b>run.exe")
    application_id = await application_of(world, mail, stack)
    officer = await at_the_console(visitors, stack, "officer", language="en")
    await officer.goto(f"/console/mailbox/{application_id}")
    await expect(officer.page.locator("pre")).to_have_text(HOSTILE)
    await expect(officer.page.locator("main")).to_contain_text("application/x-msdownload, 20 bytes")
    assert "owned" not in await officer.page.title()
    assert not await officer.page.locator("main img, main script").count()
    assert "run.exe" not in await officer.page.content()


@pytest.mark.parametrize(("width", "scheme"), SIZES)
async def test_its_pages_are_for_everybody(
    visitors: Visitors, stack: LocalStack, world: World, width: int, scheme: Scheme
) -> None:
    person = somebody(f"mail{width}{scheme}", 570 + width % 7 + len(scheme))
    await world.place(person)
    mail = a_mail(f"{'Келісімімді қайтарып аламын. ' * 20}{'ұзын' * 100}", sender=person.email)
    application_id = await application_of(world, mail, stack)
    officer = await at_the_console(visitors, stack, "officer", width=width, scheme=scheme, language="kk")
    for name, path in {"mailbox": "/console/mailbox", "application": f"/console/mailbox/{application_id}"}.items():
        await officer.goto(path)
        await assert_accessible(officer.page)
        await officer.shoot(name)
    await press(officer.page, "/inspections")
    await expect(officer.page.locator("input[name=scope]").first).to_be_visible(timeout=PATIENCE)
    await assert_accessible(officer.page)
    await officer.shoot("application-preview")


async def test_application_is_refused_without_javascript(visitors: Visitors, stack: LocalStack, world: World) -> None:
    mail = a_mail("Please tell me what the weather is like today", sender="weather@example.com")
    application_id = await application_of(world, mail, stack)
    officer = await at_the_console(visitors, stack, "officer", language="en", javascript=False)
    await officer.goto(f"/console/mailbox/{application_id}")
    await officer.page.click("details summary")
    await press(officer.page, "/refusal")
    await expect(officer.page.locator("main")).to_contain_text("Refused")
    reply = await reply_to(stack, "weather@example.com", "Your message: nothing we can act on")
    assert reply["Auto-Submitted"] == "auto-generated"
