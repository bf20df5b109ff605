"""Words of each language stay within their boxes, and drawn bars within their drawing. Needs a browser and no stack."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

import shared.pages
from services.privacy.console.pictures import deadlines_ahead, fan_out, per_day
from services.privacy.console.store_progress import progress_of
from shared.pages.render import Pages
from shared.policy.load import load_policy
from shared.policy.rows import Language
from tests.builders import NOON
from tests.unit.privacy.a_case import STORES, an_opened_case, receipts, restricted, told

STYLE = (Path(shared.pages.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
PAGES = Pages("services.privacy", load_policy())
TOO_WIDE = """drawing => [...drawing.querySelectorAll("text")]
  .filter(text => {
    const box = text.getBBox(), end = box.x + box.width;
    return end > drawing.viewBox.baseVal.width - 2 || box.x < 0;
  })
  .map(text => text.textContent)"""


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
@pytest.mark.parametrize("state", ["waits", "stopped", "erased", "kept_for_order", "left"])
async def test_words_of_the_fan_out_stay_in_their_boxes(browser: Browser, language: Language, state: str) -> None:
    case, _ = told(an_opened_case(), *restricted(), *receipts(1, destroyed=1_234_567))
    picture = fan_out(case, progress_of(case, (), STORES))
    nodes = tuple(replace(node, state=state, erased=1_234, key_destroyed=True) for node in picture.nodes)
    drawn = PAGES.text(language, "fan_out.svg.html", case=case, fan_out=replace(picture, nodes=nodes))
    assert await too_wide(browser, drawn) == []


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
async def test_words_of_the_charts_stay_in_their_drawing(browser: Browser, language: Language) -> None:
    days = {(NOON + timedelta(days=number)).date(): 1_234 for number in range(-20, 30)}
    charts = {
        "deadlines": deadlines_ahead(days, NOON),
        "cases": per_day([days, days], NOON),
        "erased": per_day([days], NOON),
    }
    assert await too_wide(browser, PAGES.text(language, "pictures.html", charts=charts)) == []


async def too_wide(browser: Browser, drawn: str) -> list[str]:
    """Texts of the drawings that leave their drawing."""
    page = await browser.new_page(viewport={"width": 360, "height": 900})
    try:
        await page.set_content(f"<style>{STYLE}</style><main>{drawn}</main>")
        drawings = await page.locator("figure > svg").all()
        assert drawings
        return [text for drawing in drawings for text in await drawing.evaluate(TOO_WIDE)]
    finally:
        await page.close()
