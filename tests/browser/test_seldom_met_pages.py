"""Pages that somebody meets once, or when something is not there."""

import pytest
from playwright.async_api import expect

from deploy.local.stack import LocalStack
from tests.browser.officers import shown_a_secret
from tests.browser.visitors import WINDOWS, Scheme, Visitors, assert_accessible

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("width", "scheme", "language"), WINDOWS)
async def test_secret_of_one_time_codes_can_be_scanned_and_read(
    visitors: Visitors, stack: LocalStack, width: int, scheme: Scheme, language: str
) -> None:
    officer = await shown_a_secret(visitors, stack, "officer", width=width, scheme=scheme, language=language)
    await expect(officer.page.locator(".qr-frame svg")).to_be_visible()
    await assert_accessible(officer.page)


@pytest.mark.parametrize(("width", "scheme", "language"), WINDOWS)
@pytest.mark.parametrize(
    ("service", "path"),
    [("intake", f"/case/{'a' * 43}"), ("intake", "/nowhere"), ("intake", "/order/placed/x"), ("privacy", "/nowhere")],
)
async def test_a_page_that_is_not_there_says_so(
    visitors: Visitors, service: str, path: str, width: int, scheme: Scheme, language: str
) -> None:
    visitor = await visitors.come(service, width=width, scheme=scheme, language=language)
    await visitor.goto(path)
    await expect(visitor.page.locator("html")).to_have_attribute("lang", language)
    await expect(visitor.page.locator("h1")).to_have_count(1)
    await assert_accessible(visitor.page)
    await visitor.shoot(f"missing-{service}-{path.split('/')[1]}")
