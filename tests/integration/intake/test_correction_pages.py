"""Whoever is signed in corrects their own data; a new contact only with the code that went there."""

import html

import httpx
import pytest

from services.intake.my_data.correction_pages import FIELDS, MOST_CODES
from shared.contracts.personal import PersonalData
from tests.integration.intake.a_visitor import Front
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration

NUMBERS = iter(range(6_000, 6_999))


def anybody() -> PersonalData:
    """Somebody no other test has."""
    person: PersonalData = somebody(next(NUMBERS))
    return person


def a_number() -> str:
    return str(somebody(next(NUMBERS)).phone)


def said(answer: httpx.Response) -> str:
    return html.unescape(answer.text)


async def test_a_name_is_corrected_and_the_history_shows_both(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        form = await visitor.get("/my-data/correct/family_name")
        assert f'value="{person.family_name}"' in said(form)
        answer = await visitor.post("/my-data/correct/family_name", family_name="  Жаңатегі ")
        assert (answer.status_code, answer.headers["location"]) == (303, "/my-data#history")
        page = said(await visitor.get("/my-data"))
        assert f"<del>{person.family_name}</del>" in page
        assert "<ins>Жаңатегі</ins>" in page
        exported = (await visitor.get("/my-data/download.json")).json()
        ((before,), after) = next((c["before"], c["after"]) for c in exported["corrections"])
        assert (before, after) == (person.family_name, "Жаңатегі")
        assert "<ins>Жаңатегі</ins>" in said(await visitor.get("/my-data/download.html"))
    assert (await intake.held(placed.order_id))["family_name"] == "Жаңатегі"
    looks = {"subject_id": placed.subject_id, "fields": ["family_name"], "order_id": None}
    noted = await intake.database["openings"].find(looks).to_list(None)
    assert [opening["what"] for opening in noted] == ["my_data", "download", "download"], "old values were opened, too"


async def test_an_error_stands_beside_the_field_and_what_was_typed_stays(intake: Intake) -> None:
    person = anybody()
    await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        answer = await visitor.post("/my-data/correct/phone", phone="12-34")
        assert answer.status_code == 422
        assert 'value="12-34"' in answer.text
        assert 'aria-describedby=" phone-error"' in answer.text
        answer = await visitor.post("/my-data/correct/residence", locality="Жаңа", line="", postcode="x")
        for part in ('id="line-error"', 'id="postcode-error"', 'value="Жаңа"'):
            assert part in answer.text


async def test_a_new_phone_changes_nothing_before_its_code_has_come_back(intake: Intake) -> None:
    person, new = anybody(), a_number()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        answer = await visitor.post("/my-data/correct/phone", phone=new)
        contact, _ = visitor.codes[-1]
        assert (answer.status_code, contact.channel, contact.value) == (200, "phone", new)
        assert (await intake.held(placed.order_id))["phone"] == person.phone
        code = visitor.last_code()
        wrong = f"{(int(code) + 1) % 10**6:06}"
        assert (await visitor.post("/my-data/correct/phone", phone=new, code=wrong)).status_code == 422
        assert (await intake.held(placed.order_id))["phone"] == person.phone
        assert (await visitor.post("/my-data/correct/phone", phone=new, code=code)).status_code == 303
        assert (await intake.held(placed.order_id))["phone"] == new
        assert new in said(await visitor.get("/my-data")), "who signed in with the old one still sees the data"
        assert (await visitor.post("/my-data/correct/phone", phone=new, code=code)).status_code in (200, 422)
    async with Front(intake).visitor() as later:
        await later.sign_in(new)
        assert new in said(await later.get("/my-data"))


async def test_a_code_counts_for_the_contact_it_went_to(intake: Intake) -> None:
    """A code to one's own number does not confirm somebody else's."""
    person, own, other = anybody(), a_number(), a_number()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        await visitor.post("/my-data/correct/phone", phone=own)
        answer = await visitor.post("/my-data/correct/phone", phone=other, code=visitor.last_code())
        assert answer.status_code == 422
    assert (await intake.held(placed.order_id))["phone"] == person.phone


async def test_a_code_counts_in_the_browser_that_asked(intake: Intake) -> None:
    person, new = anybody(), a_number()
    placed = await intake.place(person=person)
    front = Front(intake)
    async with front.visitor() as visitor, front.visitor() as elsewhere:
        for one in (visitor, elsewhere):
            await one.sign_in(person.phone)
        await visitor.post("/my-data/correct/phone", phone=new)
        answer = await elsewhere.post("/my-data/correct/phone", phone=new, code=visitor.last_code())
        assert answer.status_code != 303
    assert (await intake.held(placed.order_id))["phone"] == person.phone


async def test_the_code_s_page_is_the_same_for_a_number_that_is_somebody_s(intake: Intake) -> None:
    person, other, nobody = anybody(), anybody(), a_number()
    for each in (person, other):
        await intake.place(person=each)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        pages = [(n, await visitor.post("/my-data/correct/phone", phone=n)) for n in (other.phone, nobody)]
    first, second = [page.text.replace(number, "") for number, page in pages]
    assert first == second


async def test_nobody_has_codes_sent_to_one_stranger_after_another(intake: Intake) -> None:
    person = anybody()
    await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        sent = len(visitor.codes)
        answers = [await visitor.post("/my-data/correct/phone", phone=a_number()) for _ in range(MOST_CODES + 2)]
    assert [answer.status_code for answer in answers[-2:]] == [429, 429]
    assert len(visitor.codes) - sent == MOST_CODES


async def test_the_address_of_one_s_own_order_alone(intake: Intake) -> None:
    person, other = anybody(), anybody()
    placed, theirs = [await intake.place(person=each) for each in (person, other)]
    address = {"locality": "Жаңабұлақ ауылы", "line": "<b>Жаңа</b> к., 1", "postcode": ""}
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        path = f"/my-data/correct/delivery_address/{placed.order_id}"
        form = await visitor.get(path)
        assert "Көкбұлақ" in said(form)
        assert f'href="{path}?lang=kk"' in form.text, "another language is the same order's form"
        assert (await visitor.post(path, **address)).status_code == 303
        assert "&lt;b&gt;" in (await visitor.get("/my-data")).text
        path = f"/my-data/correct/delivery_address/{theirs.order_id}"
        assert (await visitor.get(path)).status_code == 404
        assert (await visitor.post(path, **address)).status_code == 409
    assert (await intake.held(placed.order_id))["delivery_address"]["locality"] == "Жаңабұлақ ауылы"
    assert (await intake.held(theirs.order_id))["delivery_address"]["locality"] != "Жаңабұлақ ауылы"


async def test_an_optional_field_is_removed_and_added_again(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.email)
        assert (await visitor.post("/my-data/correct/patronymic", act="remove")).status_code == 303
        assert "patronymic" not in await intake.held(placed.order_id)
        assert 'href="/my-data/correct/patronymic"' in (await visitor.get("/my-data")).text
        assert (await visitor.post("/my-data/correct/patronymic", patronymic="Жаңақызы")).status_code == 303
        assert (await visitor.post("/my-data/correct/family_name", act="remove", family_name="")).status_code == 422
    assert (await intake.held(placed.order_id))["patronymic"] == "Жаңақызы"


@pytest.mark.parametrize("name", sorted(FIELDS))
async def test_nobody_corrects_without_signing_in(intake: Intake, name: str) -> None:
    async with Front(intake).visitor() as visitor:
        for answer in (await visitor.get(f"/my-data/correct/{name}"), await visitor.post(f"/my-data/correct/{name}")):
            assert (answer.status_code, answer.headers["location"]) == (303, "/my-data/sign-in")


async def test_who_withdrew_meanwhile_corrects_nothing(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        await intake.restrict(placed.subject_id)
        answer = await visitor.post("/my-data/correct/family_name", family_name="Жаңатегі")
        assert answer.headers["location"] == "/my-data/sign-in"
    assert (await intake.document("subjects", placed.subject_id)).get("corrections") is None


@pytest.mark.parametrize("name", ["order_items", "amount_to_collect", "ip_address", "subject_id"])
async def test_what_is_no_field_to_correct_is_not_there(intake: Intake, name: str) -> None:
    person = anybody()
    await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        assert (await visitor.get(f"/my-data/correct/{name}")).status_code == 404
        assert (await visitor.post(f"/my-data/correct/{name}", **{name: "1"})).status_code == 404


async def test_another_site_s_form_is_refused(intake: Intake) -> None:
    person = anybody()
    await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        visitor.http.headers["sec-fetch-site"] = "cross-site"
        assert (await visitor.post("/my-data/correct/family_name", family_name="Басқа")).status_code == 403
