"""An SMS gateway: takes messages, once per idempotency key. `python -m … PORT LOG`"""

import sys
import uuid
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

from deploy.local.outside import jsonl

IdempotencyKey = Annotated[str, Header(min_length=1, max_length=255)]


class Message(BaseModel):
    to: str
    text: str


def sms_gateway(log: Path) -> FastAPI:
    """Its state is the log, one line a message: {"id", "key", "to", "text"}."""
    app = FastAPI(title="SMS gateway")
    taken = {line["key"]: line for line in jsonl.read(log)}

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/messages", status_code=202)
    async def take(message: Message, idempotency_key: IdempotencyKey) -> dict[str, str]:
        line = taken.get(idempotency_key)
        if line is None:
            line = {"id": str(uuid.uuid4()), "key": idempotency_key, **message.model_dump()}
            jsonl.append(log, line)
            taken[idempotency_key] = line
        elif (line["to"], line["text"]) != (message.to, message.text):
            raise HTTPException(422, "This Idempotency-Key was used for another message. Use a key per message.")
        return {"id": line["id"]}

    return app


if __name__ == "__main__":
    uvicorn.run(sms_gateway(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
