"""A courier partner: takes waybills and corrections of them, and forgets the recipient of a shipment when told to.
`python -m … PORT LOG`"""

import sys
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict

from deploy.local.outside import jsonl

IdempotencyKey = Annotated[str, Header(min_length=1, max_length=255)]


class Waybill(BaseModel):
    """`reference` is the sender's shipment id; the other fields are whatever the sender discloses."""

    model_config = ConfigDict(extra="allow")
    reference: str


class Correction(BaseModel):
    """Of a waybill's fields; null removes one. A greater sequence is a newer correction."""

    sequence: int
    fields: dict[str, Any]


class Forget(BaseModel):
    references: list[str]


def courier_partner(log: Path) -> FastAPI:
    """Its state is the log: {"reference", "key", "fields"} a waybill, with {"sequence"} once it was corrected, and
    {"forgotten"} a notice carried out."""
    app = FastAPI(title="Courier partner")
    lines = jsonl.read(log)
    by_key = {line["key"]: line for line in lines if "key" in line}

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/waybills", status_code=201)
    async def take(waybill: Waybill, idempotency_key: IdempotencyKey) -> dict[str, str]:
        earlier = by_key.get(idempotency_key)
        if earlier is None:
            line = {"reference": waybill.reference, "key": idempotency_key, "fields": waybill.model_extra}
            lines.append(line)
            by_key[idempotency_key] = line
            jsonl.append(log, line)
        elif earlier["reference"] != waybill.reference:
            raise HTTPException(422, "This Idempotency-Key was used for another waybill. Use a key per waybill.")
        return {"reference": waybill.reference}

    @app.patch("/waybills/{reference}")
    async def correct(reference: str, correction: Correction) -> dict[str, str]:
        """What is newer stays as it is; the same again, or more of it, is taken. One that was forgotten is as if it
        had never been."""
        line = next((line for line in by_key.values() if line["reference"] == reference), None)
        if line is None or any(other.get("forgotten") == reference for other in lines):
            raise HTTPException(404, "There is no waybill of this reference.")
        if correction.sequence >= line.get("sequence", 0):
            fields = {**line["fields"], **correction.fields}
            line["fields"] = {name: value for name, value in fields.items() if value is not None}
            line["sequence"] = correction.sequence
            jsonl.replace(log, lines)
        return {"reference": reference}

    @app.post("/forget")
    async def forget(notice: Forget) -> dict[str, list[str]]:
        """A reference it ever had is answered as forgotten, however often it is told."""
        had = {line["reference"] for line in by_key.values()}
        told_before = {line["forgotten"] for line in lines if "forgotten" in line}
        known = [reference for reference in notice.references if reference in had]
        for line in by_key.values():
            if line["reference"] in known:
                line["fields"] = {}
        lines.extend({"forgotten": reference} for reference in dict.fromkeys(known) if reference not in told_before)
        jsonl.replace(log, lines)
        return {"forgotten": known, "unknown": [r for r in notice.references if r not in had]}

    return app


if __name__ == "__main__":
    uvicorn.run(courier_partner(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
