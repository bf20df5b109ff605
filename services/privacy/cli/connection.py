"""Where the privacy service is and with which token to ask it."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import typer


class PrivacyApi:
    """The officer's HTTP interface. A refusal ends the command with the rule and the remedy, and exit code 1."""

    def __init__(self) -> None:
        url, token = _address()
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._ask("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError:
            raise _stop(
                "The privacy service does not answer. Is the stack running? Start it with 'make run'."
            ) from None
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            errors = "".join(f"\n  {error['field']}: {error['rule']}" for error in body.get("errors", []))
            raise _stop(f"{body.get('title', answer.status_code)}. {body.get('detail', '')}{errors}")
        return body


def _address() -> tuple[str, str]:
    """SEALED_PRIVACY_URL and SEALED_OFFICER_TOKEN, or the local stack's stack.json under SEALED_VAR (var)."""
    url, token = os.environ.get("SEALED_PRIVACY_URL"), os.environ.get("SEALED_OFFICER_TOKEN")
    if url and token:
        return url, token
    path = Path(os.environ.get("SEALED_VAR", "var")) / "run" / "stack.json"
    if not path.exists():
        raise _stop(
            f"No running stack: {path} is not there. Start one with 'make run', or set SEALED_PRIVACY_URL and "
            "SEALED_OFFICER_TOKEN."
        )
    stack = json.loads(path.read_text())
    return stack["services"]["privacy"]["url"], stack["tokens"]["officer"]


def _stop(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)
