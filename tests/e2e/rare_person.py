"""A person with values nobody else has, and requests that put them where they don't belong."""

import json
from typing import Any

import httpx

from deploy.demo.scan import Needles
from shared.contracts.personal import Address, OrderItem, PersonalData
from tests.builders import order_form, values_of
from tests.e2e.world import World, somebody


def a_rare_person() -> PersonalData:
    return somebody(
        "qarlyghash.tauelsizqyzy",
        300,
        family_name="Тәуелсізқызова",
        given_name="Қарлығаштай",
        patronymic="Бейбітшілікқызы",
        delivery_address=Address(locality="Сирекбұлақ ауылы", line="Ұмытылмас көшесі, 88-корпус", postcode="Z77Y7X7"),
        residence=Address(locality="Кездеспес ауылы", line="Ешқашан тұйығы, 91"),
        order_items=(OrderItem(title="Сирек кездесетін домбыра", quantity=1, price_kzt=87_654),),
        amount_to_collect=87_654,
        language="kk",
    )


PERSON = a_rare_person()
VALUES = {value: value for value in values_of(PERSON)}
NEW_PHONE = "+77001110399"  # what the person corrects it to
VALUES |= {"new phone": NEW_PHONE}
VALUES |= {"phone in spaces": f"+7 700 {str(PERSON.phone)[5:8]} {str(PERSON.phone)[8:10]} {str(PERSON.phone)[10:]}"}
NEEDLES = Needles({f"value {number}": value for number, value in enumerate(VALUES)})


def garbage() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Requests that break a rule, each with the person's values where they don't belong."""
    form, phone, name = order_form(PERSON), str(PERSON.phone), str(PERSON.family_name)
    text = json.dumps(form, ensure_ascii=False)
    lines = {"Content-Type": "application/jsonl"}
    return [
        ("shop", "POST", "/v1/orders", {"json": {**form, "iin": phone}}),
        ("shop", "POST", "/v1/orders", {"json": {**form, phone: name}}),
        ("shop", "POST", "/v1/orders", {"json": {**form, "phone": f"{name} {phone}"}}),
        ("shop", "POST", "/v1/orders", {"json": {**form, "email": f"{PERSON.email}@{PERSON.email}"}}),
        ("shop", "POST", "/v1/orders", {"json": {**form, "items": [name]}}),
        ("shop", "POST", "/v1/orders", {"content": text[:-9], "headers": {"Content-Type": "application/json"}}),
        ("shop", "POST", "/v1/orders", {"content": text, "headers": {"Content-Type": f"text/{PERSON.given_name!a}"}}),
        ("shop", "GET", f"/v1/orders/{phone}", {"params": {"name": name}}),
        ("shop", "POST", f"/v1/orders/{name}/cancel", {}),
        ("shop", "POST", f"/v1/{name}", {"json": form}),
        ("shop", "POST", "/v1/orders/batch", {"content": f"{text[:-5]}\n{text}{text}\n{name}\n", "headers": lines}),
        ("delivery", "GET", "/v1/shipments", {"params": {"order_id": phone, "status": name}}),
        ("delivery", "POST", f"/v1/shipments/{name}/hand-over", {"json": form}),
        ("notifications", "GET", "/v1/messages", {"params": {"order_id": PERSON.email}}),
        ("notifications", "POST", "/v1/campaigns", {"json": {"campaign_id": name, "texts": {"kk": phone}}}),
        ("privacy", "POST", "/v1/withdrawals", {"json": {"find": {"phone": phone + phone}}}),
        ("privacy", "POST", "/v1/withdrawals", {"json": {"find": {"phone": phone, "email": PERSON.email}}}),
        ("privacy", "POST", "/v1/withdrawals", {"json": {"find": {"name": name}, "channel": phone}}),
        ("privacy", "GET", f"/v1/cases/{PERSON.email}", {"params": {"state": name}}),
    ]


async def send_garbage(world: World) -> list[str]:
    """The answers' texts."""
    info = world.stack.info
    operator = info.tokens.operator
    tokens = {"shop": info.tokens.shop, "delivery": operator, "notifications": operator, "privacy": info.tokens.officer}
    texts = []
    for client, method, path, request in garbage():
        url = info.services["intake" if client == "shop" else client].url
        headers = {"Authorization": f"Bearer {tokens[client]}", **request.pop("headers", {})}
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            answer = await http.request(method, path, headers=headers, **request)
        assert answer.status_code == 200 if path.endswith("/batch") else 400 <= answer.status_code < 500, path
        texts.append(answer.text)
    return texts
