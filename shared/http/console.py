"""A console command's side of a service's HTTP interface: where it is, and with which token to ask it."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import typer


class ServiceApi:
    """One service for one role. A refusal ends the command with the rule and the remedy, and exit code 1."""

    def __init__(self, service: str, *, role: str) -> None:
        self._service = service
        url, token = _address(service, role)
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._ask("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError:
            raise _stop(f"The {self._service} service does not answer. Start the stack with 'make run'.") from None
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            errors = "".join(f"\n  {error['field']}: {error['rule']}" for error in body.get("errors", []))
            raise _stop(f"{body.get('title', answer.status_code)}. {body.get('detail', '')}{errors}")
        return body


def _address(service: str, role: str) -> tuple[str, str]:
    """SEALED_<SERVICE>_URL and SEALED_<ROLE>_TOKEN, or the local stack's stack.json under SEALED_VAR (var)."""
    names = f"SEALED_{service.upper()}_URL", f"SEALED_{role.upper()}_TOKEN"
    url, token = (os.environ.get(name) for name in names)
    if url and token:
        return url, token
    path = Path(os.environ.get("SEALED_VAR", "var")) / "run" / "stack.json"
    if not path.exists():
        raise _stop(f"No running stack: {path} is not there. Start one with 'make run', or set {' and '.join(names)}.")
    stack = json.loads(path.read_text())
    return stack["services"][service]["url"], stack["tokens"][role]


def _stop(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)
