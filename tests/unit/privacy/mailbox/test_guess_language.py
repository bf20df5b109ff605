"""The language of a reply is the writer's."""

import pytest

from services.privacy.mailbox.guess_language import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Дербес деректерімді өңдеуге берген келісімімді қайтарып аламын.", "kk"),
        ("Өтініш", None),
        ("Прошу прекратить обработку моих персональных данных. Улица Қабанбай батыра, дом 1", "ru"),
        ("Please stop processing my personal data. Улица Абая", "en"),
        ("Отзываю согласие\n> Сәлеметсіз бе! Өтінішіңізді алдық, жауап беру мерзімі он бес жұмыс күні.", "ru"),
        ("", None),
        ("12345 67890 !!!", None),
    ],
)
def test_language_is_told_by_its_letters(text: str, language: str | None) -> None:
    assert guess_language(text) == language
