"""The stand-ins for the world outside keep their side of the protocols."""

import json
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from deploy.local.layout import ROOT, Layout
from deploy.local.outside.courier_partner import courier_partner
from deploy.local.outside.parts import outside_parts
from deploy.local.outside.sms_gateway import sms_gateway
from deploy.local.ports import choose_ports
from deploy.local.supervisor import Supervisor


def a_mail(message_id: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "info@exl.example", "aigul@example.com", "Тапсырыс"
    mail["Message-ID"] = message_id
    mail.set_content("Сәлеметсіз бе!")
    return mail


@pytest.fixture
async def mail_port(tmp_path: Path) -> AsyncIterator[int]:
    layout = Layout.at(tmp_path)
    layout.make()
    ports = choose_ports(("mail", "sms", "partner"), layout.run / "ports.json")
    supervisor = Supervisor(outside_parts(layout, ports)[0], working_dir=ROOT, log_dir=layout.log)
    await supervisor.start()
    yield ports["mail"]
    await supervisor.stop()


async def send(mail: EmailMessage, port: int) -> None:
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)


@pytest.mark.integration
async def test_mail_sent_twice_arrives_once(mail_port: int, tmp_path: Path) -> None:
    for message_id in ("<1@exl.example>", "<1@exl.example>", "<2@exl.example>"):
        await send(a_mail(message_id), mail_port)
    files = sorted((tmp_path / "outside" / "mail").iterdir())
    assert len(files) == 2
    assert all(file.suffix == ".eml" for file in files)


@pytest.fixture
async def sms(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(sms_gateway(tmp_path / "sms.jsonl")) as client:
        yield client


def a_client(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://outside")  # type: ignore[arg-type]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_sms_of_one_key_is_taken_once_also_after_a_restart(sms: httpx.AsyncClient, tmp_path: Path) -> None:
    message = {"to": "+77010000000", "text": "Сәлем"}
    first = await sms.post("/messages", json=message, headers={"Idempotency-Key": "a"})
    again = await sms.post("/messages", json=message, headers={"Idempotency-Key": "a"})
    async with a_client(sms_gateway(tmp_path / "sms.jsonl")) as restarted:
        later = await restarted.post("/messages", json=message, headers={"Idempotency-Key": "a"})
    assert first.status_code == again.status_code == later.status_code == 202
    assert first.json() == again.json() == later.json()
    assert len(lines(tmp_path / "sms.jsonl")) == 1


async def test_sms_key_used_for_another_message_is_refused(sms: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "a"}
    await sms.post("/messages", json={"to": "+77010000000", "text": "1"}, headers=headers)
    other = await sms.post("/messages", json={"to": "+77010000000", "text": "2"}, headers=headers)
    assert other.status_code == 422


async def test_partner_forgets_the_recipient_of_a_shipment(tmp_path: Path) -> None:
    log = tmp_path / "partner.jsonl"
    async with a_client(courier_partner(log)) as partner:
        for reference in ("s1", "s2"):
            waybill = {"reference": reference, "recipient": "Әсел", "phone": "+77010000000"}
            for _ in range(2):
                taken = await partner.post("/waybills", json=waybill, headers={"Idempotency-Key": reference})
                assert taken.status_code == 201
        answers = [(await partner.post("/forget", json={"references": ["s1", "s9"]})).json() for _ in range(2)]
    assert answers == [{"forgotten": ["s1"], "unknown": ["s9"]}] * 2
    assert lines(log) == [
        {"reference": "s1", "key": "s1", "fields": {}},
        {"reference": "s2", "key": "s2", "fields": {"recipient": "Әсел", "phone": "+77010000000"}},
        {"forgotten": "s1"},
    ]


async def test_partner_keeps_the_newer_correction_and_none_of_who_is_forgotten(tmp_path: Path) -> None:
    log = tmp_path / "partner.jsonl"
    async with a_client(courier_partner(log)) as partner:
        waybill = {"reference": "s1", "phone": "+77010000000", "patronymic": "Ойданқызы"}
        await partner.post("/waybills", json=waybill, headers={"Idempotency-Key": "s1"})
        for sequence, phone in ((3, "+77010000003"), (2, "+77010000002")):
            change = {"sequence": sequence, "fields": {"phone": phone, "patronymic": None}}
            assert (await partner.patch("/waybills/s1", json=change)).status_code == 200
        assert lines(log)[0]["fields"] == {"phone": "+77010000003"}
    async with a_client(courier_partner(log)) as restarted:
        await restarted.post("/forget", json={"references": ["s1"]})
        late = await restarted.patch("/waybills/s1", json={"sequence": 9, "fields": {"phone": "+77010000009"}})
        assert late.status_code == (await restarted.patch("/waybills/s9", json=change)).status_code == 404
    assert [line.get("fields", {}) for line in lines(log)] == [{}, {}]
