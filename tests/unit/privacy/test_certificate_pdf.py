"""The printed certificate says what the signed one states, in the reader's language, and names its hash."""

import hashlib

import pytest

from services.privacy.certificate import LIMITS
from services.privacy.console.certificate_pdf import certificate_pdf
from shared.pages.languages import catalogue
from shared.policy.rows import Language
from shared.stores.receipts import canonical
from tests.unit.privacy.a_certificate import DISCLOSURE, Authority
from tests.unit.privacy.pdf_text import text_of

TITLES: dict[Language, str] = {
    "kk": "Деректерді жою туралы куәлік",
    "ru": "Свидетельство об уничтожении данных",
    "en": "Certificate of erasure",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.at(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize("language", TITLES)
def test_it_states_the_case_and_the_hash_in_the_readers_language(authority: Authority, language: Language) -> None:
    certificate = authority.certificate()
    text = text_of(certificate_pdf(certificate, language))
    assert TITLES[language] in text
    assert certificate["case_id"] in text
    assert certificate["controller"]["name"] in text
    sha256 = hashlib.sha256(canonical(certificate)).hexdigest()
    assert f"{sha256[:32]} {sha256[32:]}" in text
    assert certificate["signature"]["value"] in text.replace("\n", "")
    assert f"sealed verify certificate-{certificate['case_id']}.json --keys FOLDER" in text


def test_it_counts_what_each_store_did(authority: Authority) -> None:
    lines = text_of(certificate_pdf(authority.certificate(), "en")).splitlines()
    delivery = lines.index("delivery", lines.index("What each store did"))
    assert lines[delivery + 1 : delivery + 6] == ["4", "1", "1", "2", "0"]


def test_another_certificate_has_another_hash(authority: Authority) -> None:
    changed = authority.certificate_with(lambda certificate: certificate.update(disclosures=[DISCLOSURE, "e" * 32]))
    plain, other = (text_of(certificate_pdf(c, "en")) for c in (authority.certificate(), changed))
    assert [line for line in plain.splitlines() if line.startswith("SHA-256: ")] != [
        line for line in other.splitlines() if line.startswith("SHA-256: ")
    ]


def test_one_that_stopped_promotions_prints_too(authority: Authority) -> None:
    def promotions(certificate: dict[str, object]) -> None:
        certificate.update(scope="promotions", receipts={}, deferrals=[], disclosures=[], recipients={})

    assert "Certificate of erasure" in text_of(certificate_pdf(authority.certificate_with(promotions), "en"))


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_its_limits_are_translated(language: Language) -> None:
    assert [limit for limit in LIMITS if catalogue(language).gettext(limit) == limit] == []
