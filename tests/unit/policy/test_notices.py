"""What a form says of itself: each language's text has versions of its own."""

from datetime import date, timedelta

from shared.policy.load import load_policy
from tests.unit.policy.a_policy import Rows, a_policy

NEXT = {"version": "ru-2026-09", "effective_from": date(2026, 9, 1), "text": "Оставьте имя и телефон, мы перезвоним"}


def _with_a_next_russian_text(rows: Rows) -> None:
    rows["notices"]["call_back"]["texts"]["ru"].append(NEXT)


def test_the_published_footers_are_kept_as_they_are() -> None:
    notice = load_policy().notice("call_back")
    texts = {language: notice.text_at(date(2026, 3, 2), language).text for language in notice.texts}
    assert texts["kk"] == (
        "Деректеріңізді көрсетіңіз және біздің оператор жеткізу мәліметтерін нақтылау үшін сізге қоңырау шалады"
    )
    assert texts["ru"] == "Укажите ваши данные и наш оператор перезвонит вам для уточнения деталей"


def test_a_new_text_in_one_language_leaves_the_others() -> None:
    notice = a_policy(_with_a_next_russian_text).notice("call_back")
    assert notice.text_at(date(2026, 8, 31), "ru").version == "ru-2026-01"
    assert notice.text_at(date(2026, 9, 1), "ru").version == "ru-2026-09"
    assert notice.text_at(date(2026, 9, 1), "kk").version == "kk-2026-01"
    assert notice.text_at(date(2020, 1, 1), "ru").version == "ru-2026-01"


def test_a_call_back_request_is_kept_for_days() -> None:
    policy = load_policy()
    assert policy.kept("intake", "call_backs") == timedelta(days=3)
    assert policy.notice("call_back").period == policy.store("intake").collection("call_backs").expires
