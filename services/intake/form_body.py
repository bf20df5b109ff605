"""A form as a browser sends it with or without JavaScript: names and what was typed, no more than a form can hold."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from shared.http.problems import Problem
from shared.pages.render import N_

URL_ENCODED: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 1_000

_TITLES: Final = (N_("Not a form we read"), N_("Send the form of the page itself."), N_("Too large"))
_REMEDIES: Final = (N_("Send less at once."),)


async def typed_in(request: Request) -> Mapping[str, str]:
    """Of a name that came twice the last. Raises Problem 415 or 413."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != URL_ENCODED:
        raise Problem(415, "Not a form we read", "Send the form of the page itself.")
    body = (await request.body()).decode("ascii", "replace")
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # it says how many there were
        raise Problem(413, "Too large", "Send less at once.") from None
    return dict(pairs)
