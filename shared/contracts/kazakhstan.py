"""Local forms of personal data, normalised on entry: phone, e-mail, names, postcodes.

A value that breaks a rule is refused with the rule; the message never repeats the value.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, StringConstraints

APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "`": "'", "´": "'"})
POSTCODE = re.compile(r"[0-9]{6}|[A-Z][0-9]{2}[A-Z][0-9][A-Z][0-9]")


def phone(value: str) -> str:
    """E.164 of a Kazakhstan number: `8 701…`, `7701…`, `701…` and `+7 701…` are one number.

    The library also finds a number within a text; a text is no phone number."""
    if any(character.isalpha() for character in value):
        raise ValueError("must be a phone number alone, for example +7 701 000 00 00")
    try:
        number = phonenumbers.parse(value, "KZ")
    except phonenumbers.NumberParseException:
        raise ValueError("must be a phone number, for example +7 701 000 00 00") from None
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        raise ValueError("must be a complete phone number, for example +7 701 000 00 00")
    if region != "KZ":
        raise ValueError("must be a Kazakhstan number: we deliver in Kazakhstan only")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(value: str) -> str:
    """The address in its normal form: NFC, lower case."""
    try:
        checked = validate_email(value.strip(), check_deliverability=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address, for example name@example.kz") from None
    return unicodedata.normalize("NFC", checked.normalized).casefold()


def person_name(value: str) -> str:
    """NFC, one space between words. Cyrillic (with ә ғ қ ң ө ұ ү һ і) or Latin letters, hyphen, apostrophe."""
    name = " ".join(unicodedata.normalize("NFC", value).translate(APOSTROPHES).split())
    if not name:
        raise ValueError("must not be empty")
    if not all(_in_a_name(character) for character in name):
        raise ValueError("may hold Cyrillic or Latin letters, hyphens, apostrophes and spaces only")
    if not any(character.isalpha() for character in name):
        raise ValueError("must hold a letter")
    return name


@lru_cache(maxsize=1_024)
def _in_a_name(character: str) -> bool:
    if character in "-' .":
        return True
    return character.isalpha() and unicodedata.name(character, "").startswith(("CYRILLIC", "LATIN"))


def postcode(value: str) -> str:
    """Six digits (050000) or the newer form (A05E6X8), upper case."""
    code = "".join(value.split()).upper()
    if not POSTCODE.fullmatch(code):
        raise ValueError("must be six digits (050000) or a code such as A05E6X8; leave it out if unknown")
    return code


def text_line(value: str) -> str:
    """NFC, one line, no control characters."""
    line = " ".join(unicodedata.normalize("NFC", value).split())
    if not line or not line.isprintable():
        raise ValueError("must be one line of text without control characters")
    return line


Phone = Annotated[str, StringConstraints(max_length=40), AfterValidator(phone)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(email)]
PersonName = Annotated[str, StringConstraints(max_length=80), AfterValidator(person_name)]
Postcode = Annotated[str, StringConstraints(max_length=12), AfterValidator(postcode)]
TextLine = Annotated[str, StringConstraints(max_length=300), AfterValidator(text_line)]
