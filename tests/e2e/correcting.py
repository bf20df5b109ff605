"""A person signs in to their data and corrects a phone or e-mail, as their browser would; the codes are read where they
went."""

import re
from typing import Literal

import httpx

from deploy.local.outside import jsonl
from shared.contracts.personal import PersonalData
from tests.e2e.world import World
from tests.integration.services.clients import until

SIX_DIGITS = re.compile(r"\b(\d{6})\b")
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "accept-language": "en"}
COOKIE = "__Host-session"


class Browser:
    """Keeps the session's cookie: it is for secure addresses and for loopback, which httpx does not know to be one."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path, headers={"cookie": f"{COOKIE}={self._token}"})

    async def post(self, path: str, **typed: str) -> httpx.Response:
        answer = await self._http.post(path, data=typed, headers={"cookie": f"{COOKIE}={self._token}"})
        for cookie in answer.headers.get_list("set-cookie"):
            if cookie.startswith(f"{COOKIE}="):
                self._token = cookie.partition("=")[2].partition(";")[0]
        return answer


async def correct(world: World, person: PersonalData, name: Literal["phone", "email"], value: str) -> PersonalData:
    """The person as they are now."""
    url = world.stack.info.services["intake"].url
    async with httpx.AsyncClient(base_url=url, headers=BROWSER, timeout=30) as http:
        browser = Browser(http)
        await browser.post("/my-data/sign-in", contact=person.phone)
        assert (await browser.post("/my-data/code", code=await code_of(world, person))).status_code == 303
        now = person.model_copy(update={name: value})
        assert (await browser.post(f"/my-data/correct/{name}", **{name: value})).status_code == 200
        answer = await browser.post(
            f"/my-data/correct/{name}", **{name: value, "code": await code_of(world, now, name)}
        )
        assert answer.status_code == 303, answer.status_code
    return now


async def code_of(world: World, person: PersonalData, channel: Literal["phone", "email"] = "phone") -> str:
    """The newest one that went there."""

    async def codes() -> list[str]:
        if channel == "phone":
            lines = jsonl.read(world.stack.layout.sms_log)
            texts = [str(line["text"]) for line in lines if line["to"] == person.phone]
        else:
            texts = [m.get_content() for m in world.mails_to(person) if str(m["Message-ID"]).startswith("<code-")]
        return [found[1] for text in texts if (found := SIX_DIGITS.search(text))]

    return (await until(codes, len))[-1]
