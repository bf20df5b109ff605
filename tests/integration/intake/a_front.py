"""Intake's pages for everybody over a real store, asked as a browser asks."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from services.intake.call_backs.app import CallBacks
from services.intake.order_pages import OrderPages
from services.intake.policy_pages import PolicyPages
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.pages.security import secure_pages
from shared.pages.sessions import MongoSessionStore
from tests.bare_app import bare_app
from tests.integration.intake.an_intake import Intake

TOKEN = "the operators' token"
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "accept-language": "en"}


@asynccontextmanager
async def a_browser(intake: Intake, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Follows no redirect by itself. Speaks English unless told otherwise."""
    transport = httpx.ASGITransport(app=_front(intake), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://pages.example.kz", headers={**BROWSER, **headers}
    ) as client:
        yield client


def typed_order(**changes: str | None) -> dict[str, str]:
    """What somebody who does not exist types; None leaves a field out."""
    fields: dict[str, str | None] = {
        "family_name": "Сыдықбекқызы",
        "given_name": "Ақбөпе",
        "patronymic": "",
        "phone": "8 (700) 300-00-42",
        "email": "front@example.kz",
        "delivery_locality": "Көкбұлақ ауылы",
        "delivery_line": "Ойдан шығарылған к., 17-203",
        "delivery_postcode": "a05e6x8",
        "item-0-title": "Қыш құмыра",
        "item-0-quantity": "2",
        "item-0-price_kzt": "4 500",
        "payment": "on_delivery",
        "consent": "yes",
        "policy_version": "2026-01",
        "key": "0123456789abcdef0123456789abcdef",
        "act": "place",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def value_of(page: str, name: str) -> str:
    """What stands in the field."""
    found = re.search(rf'name="{re.escape(name)}"[^>]*? value="([^"]*)"', page)
    assert found, f"no field {name}"
    return html.unescape(found[1])


def error_at(page: str, name: str) -> str | None:
    found = re.search(rf'id="{re.escape(name)}-error">(.*?)</p>', page)
    return html.unescape(found[1]) if found else None


def _front(intake: Intake) -> FastAPI:
    pages = Pages("services.intake", intake.policy)
    app = bare_app(page=pages.problem)
    secure_pages(app, pages, MongoSessionStore(intake.database), idle=timedelta(minutes=5))
    attempts, token = Attempts(intake.database), SecretStr(TOKEN)
    call_backs = CallBacks(intake.client, intake.policy, intake.holdings(), intake.recognition, pages, attempts, token)
    parts: tuple[Any, ...] = (
        OrderPages(pages=pages, desk=intake.desk, groups=intake.groups, orders=intake.orders, policy=intake.policy),
        PolicyPages(pages=pages, policy=intake.policy),
        call_backs,
    )
    for part in parts:
        app.include_router(part.router)
    return app
