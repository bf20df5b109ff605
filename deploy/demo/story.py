"""`make demo`: the main job on real parts, from 500 orders to a verified certificate.

Every number shown is read from the running system. Values of people are never printed: names of fields are.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.demo.patient import PatientApi
from deploy.demo.people import DELIVERED, PLANTED, WAITING, order_of, values_of
from deploy.demo.replay import contents, send_again, until_quiet
from deploy.demo.scan import Needles
from deploy.demo.search import Search, missed_in
from deploy.demo.show import Screen
from deploy.demo.topics import everything, order_placed
from deploy.demo.who_can_open import Attempt, attempt
from deploy.local.stack_info import StackInfo
from deploy.provision.mongodb import uri_of
from services.privacy.verify_certificate import failures
from shared.policy.model import Policy
from shared.stores.mongo import Client, connect
from shared.stores.receipts import PublicKeys

ORDERS = Path("examples/orders.jsonl")
WAIT_SECONDS = 60.0
CASE_SECONDS = 90.0


class DemoFailed(Exception):
    """A step did not come out as it must. The message says which and what was seen."""


@dataclass(slots=True)
class Person:
    order_id: str
    subject_id: str
    shipment_id: str = ""
    case: dict[str, Any] = field(default_factory=dict)


class Demo:
    def __init__(self, stack: StackInfo, var: Path, policy: Policy, passwords: dict[str, str], screen: Screen) -> None:
        self._stack, self._var, self._policy, self._screen = stack, var, policy, screen
        self._passwords = passwords
        self._run = uuid4().hex
        self._arrived_before = (0, 0)
        self.report: dict[str, Any] = {"started_at": datetime.now(UTC).isoformat(timespec="seconds")}
        services, tokens = stack.services, stack.tokens
        self._shop = PatientApi(services["intake"].url, tokens.shop)
        self._delivery = PatientApi(services["delivery"].url, tokens.operator)
        self._privacy = PatientApi(services["privacy"].url, tokens.officer)
        self._admin: Client = connect(stack.mongodb.uri, service="demo")

    async def run(self) -> dict[str, Any]:
        """The report. Raises DemoFailed."""
        started = time.monotonic()
        self._arrived_before = (await self._mails(), await self._texts())
        await self._orders_come_in()
        waiting = await self._place(WAITING, "waiting")
        delivered = await self._place(DELIVERED, "delivered")
        await self._each_reads_its_own(waiting)
        await self._parcels_leave(waiting, delivered)
        await self._withdraw_with_nothing_open(delivered)
        await self._withdraw_with_an_open_order(waiting)
        await self._replay(waiting, delivered)
        await self._verify(waiting, delivered)
        await self._search_every_byte()
        self.report["seconds"] = round(time.monotonic() - started, 1)
        self._screen.summary(self.report)
        return self.report

    async def _orders_come_in(self) -> None:
        self._screen.step("Orders come in", "A shop's export; each line is accepted or refused on its own.")
        lines = await asyncio.to_thread(ORDERS.read_bytes)
        answer = await self._shop.post_lines("/v1/orders/batch", lines, key=f"demo-{self._run}")
        accepted, refused = answer["accepted"], answer["refused"]
        self._screen.imported(len(accepted), refused)
        self.report["orders"] = {"accepted": len(accepted), "refused": len(refused)}
        _must(len(accepted) > 0 and len(refused) > 0, "The export must have both good and bad lines.")

    async def _place(self, person: dict[str, Any], name: str) -> Person:
        order = order_of(person, self._policy.version_at(datetime.now(UTC).date()).version)
        placed = await self._shop.post("/v1/orders", order, key=f"demo-{self._run}-{name}")
        return Person(placed["order_id"], placed["subject_id"])

    async def _each_reads_its_own(self, person: Person) -> None:
        self._screen.step(
            "Each service reads its own", "One more order, tried with every service's own login and keys."
        )
        async with asyncio.timeout(WAIT_SECONDS):
            order = await order_placed(self._stack.kafka.address, person.order_id)
        attempts: list[Attempt] = []
        for service in ("delivery", "notifications"):
            uri = uri_of(self._stack.mongodb.uri, service, self._passwords[service])
            client = connect(uri, service="demo")
            for reader in ("delivery", "notifications"):
                keys = self._var / "keys" / service
                attempts.append(await attempt(service, reader, order, client, keys, self._policy))
            client.close()
        self._screen.attempts(attempts)
        for tried in attempts:
            _must(bool(tried.fields) == (tried.service == tried.reader), f"{tried.service} opened {tried.reader}'s")
        self.report["opened"] = {f"{a.service} opens {a.reader}": list(a.fields or a.refused_by) for a in attempts}

    async def _parcels_leave(self, waiting: Person, delivered: Person) -> None:
        self._screen.step("Parcels leave, messages arrive", "The courier partner is told what delivery may tell it.")
        for person in (waiting, delivered):
            person.shipment_id = await self._shipment_of(person)
            await self._delivery.post(f"/v1/shipments/{person.shipment_id}/hand-over")
        await self._delivery.post(f"/v1/shipments/{delivered.shipment_id}/deliver")
        confirmations = self.report["orders"]["accepted"] + 2
        mails = await self._until(self._mails, lambda count: count >= confirmations, "confirmations by e-mail")
        texts = await self._until(self._texts, lambda count: count >= 2, "messages by SMS")
        lines = [json.loads(line) for line in self._stack.outside.partner_log.read_text().splitlines()]
        ours = {waiting.shipment_id, delivered.shipment_id}
        waybills = [line for line in lines if line.get("reference") in ours]
        self._screen.messages(mails, texts, sorted({name for line in waybills for name in line["fields"]}))
        self.report["messages"] = {"emails": mails, "sms": texts, "waybills": len(waybills)}

    async def _shipment_of(self, person: Person) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            while not (found := (await self._delivery.get("/v1/shipments", order_id=person.order_id))["shipments"]):
                await asyncio.sleep(0.2)
        return str(found[0]["shipment_id"])

    async def _mails(self) -> int:
        return len(list(self._stack.outside.mail_dir.glob("*.eml"))) - self._arrived_before[0]

    async def _texts(self) -> int:
        log = self._stack.outside.sms_log
        return (len(log.read_text().splitlines()) if log.exists() else 0) - self._arrived_before[1]

    async def _withdraw_with_nothing_open(self, person: Person) -> None:
        self._screen.step("A withdrawal with nothing open", "Stop, erase in every store, destroy keys, search, prove.")
        case_id = await self._withdraw({"phone": DELIVERED["phone"]})
        person.case = await self._watch(case_id, {"closed"})
        self.report["withdrawal"] = self._outcome(person.case)

    async def _withdraw_with_an_open_order(self, person: Person) -> None:
        self._screen.step("A withdrawal with a parcel on its way", "What the delivery needs waits; all else goes now.")
        case_id = await self._withdraw({"order_id": person.order_id})
        person.case = await self._watch(case_id, {"deferred"})
        open_orders = person.case["open_orders"]
        _must(open_orders == [person.order_id], "The deferral must name the open order.")
        self._screen.say("Deferred, and the order is named. Now the courier delivers; nobody touches the case.")
        await self._delivery.post(f"/v1/shipments/{person.shipment_id}/deliver")
        person.case = await self._watch(case_id, {"closed"})
        self.report["deferred_withdrawal"] = self._outcome(person.case)

    async def _withdraw(self, find: dict[str, str]) -> str:
        opened = await self._privacy.post("/v1/withdrawals", {"find": find, "scope": "all", "channel": "officer"})
        return str(opened["case_id"])

    async def _watch(self, case_id: str, states: set[str]) -> dict[str, Any]:
        with self._screen.watching() as show:
            async with asyncio.timeout(CASE_SECONDS):
                while True:
                    case: dict[str, Any] = await self._privacy.get(f"/v1/cases/{case_id}")
                    show(case)
                    if case["state"] in states:
                        return case
                    await asyncio.sleep(0.2)

    def _outcome(self, case: dict[str, Any]) -> dict[str, Any]:
        counts = Counter[str]()
        for receipts in case["receipts"].values():
            for receipt in receipts.values():
                for count in receipt["collections"].values():
                    counts.update({kind: count[kind] for kind in ("destroyed", "depersonalised", "residual")})
        return {"case_id": case["case_id"], "state": case["state"], "rounds": case["round"], **counts}

    async def _replay(self, *people: Person) -> None:
        self._screen.step("Everything is sent again", "Every message of every topic, from the first: late is harmless.")
        urls = [service.url for service in self._stack.services.values()]
        kafka, databases = self._stack.kafka.address, self._policy.stores
        consumed_before = await until_quiet(urls)
        before, mails = await contents(self._admin, databases), await self._mails()
        records = await everything(kafka, self._policy.topics)
        await send_again(kafka, records)
        consumed = await until_quiet(urls) - consumed_before
        after = await contents(self._admin, databases)
        changed = {name: (before.get(name, 0), n) for name, n in after.items() if before.get(name, 0) != n}
        keys = [len((await self._keyring_document(person)).get("keys", {})) for person in people]
        self._screen.replayed(len(records), consumed, changed, sum(keys), await self._mails() - mails)
        _must(not changed, f"The replay changed collections: {changed}")
        _must(sum(keys) == 0, "The replay brought keys back.")
        _must(await self._mails() == mails, "The replay sent messages again.")
        self.report["replay"] = {"messages": len(records), "changed_collections": len(changed), "keys": sum(keys)}

    async def _keyring_document(self, person: Person) -> dict[str, Any]:
        return await self._admin["keyring"]["subjects"].find_one({"_id": person.subject_id}) or {}

    async def _verify(self, *people: Person) -> None:
        self._screen.step(
            "The certificate is verified", "Offline, with the public keys alone; then one digit is changed."
        )
        keys = PublicKeys.from_folder(self._var / "keys" / "public")
        folder = self._var / "demo"
        for person in people:
            certificate = await self._privacy.get(f"/v1/cases/{person.case['case_id']}/certificate")
            wrong = failures(certificate, keys)
            _must(not wrong, f"The certificate does not hold: {wrong}")
            forged = json.loads(json.dumps(certificate).replace('"residual": 0', '"residual": 1', 1))
            _must(bool(failures(forged, keys)), "A forged certificate was accepted.")
            folder.mkdir(exist_ok=True)
            path = folder / f"certificate-{person.case['case_id']}.json"
            path.write_text(json.dumps(certificate, ensure_ascii=False, indent=1))
            self._screen.say(f"Holds: {path}")
        self._screen.say("With one count changed by one, neither holds.")
        await self._privacy.get("/v1/ledger/verification")  # refused where its chain is broken
        self.report["certificates"] = {"verified": len(people), "forgeries_refused": len(people)}

    async def _search_every_byte(self) -> None:
        self._screen.step(
            "Every byte is searched", "All files under var/ but outside/, and all topics, in every encoding."
        )
        search = Search(self._stack, self._var, tuple(self._policy.topics), self._admin)
        planted = await search.plant(PLANTED)
        _must(not (missed := missed_in(planted)), f"The search did not find what was planted in {missed}.")
        people = {f"{who}: {name}": v for who, p in (("waiting", WAITING), ("delivered", DELIVERED))
                  for name, v in values_of(p).items()}  # fmt: skip
        size, messages, findings = await search.find(Needles(people))
        self._screen.scanned(len(planted), size, messages, len(people), findings)
        _must(not findings, f"Found in {sorted({finding.where for finding in findings})}")
        searched = {"bytes": size, "messages": messages, "values": len(people)}
        self.report["scan"] = {**searched, "found": len(findings), "planted_found": len(planted)}

    async def _until(self, measure: Any, enough: Any, what: str) -> int:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not enough(count := await measure()):
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise DemoFailed(f"Waited {WAIT_SECONDS:.0f} s for {what}; saw {await measure()}.") from None
        return int(count)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DemoFailed(otherwise)
