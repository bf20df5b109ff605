"""What intake is measured against: the same order, validated for its shape and inserted as it is. It keeps personal
data in clear and tells nobody: it is a yardstick, not an example."""

import os
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from shared.http.server import EVENT_LOOP
from shared.stores.mongo import connect


class Order(BaseModel):
    name: dict[str, str | None]
    phone: str
    email: str
    delivery_address: dict[str, str | None]
    residence: dict[str, str | None] | None
    items: list[dict[str, Any]]
    payment: dict[str, str]
    language: str
    consent: dict[str, Any]


app = FastAPI()
orders = connect(os.environ["MONGODB_URI"], service="bare")["bench"]["orders"]


@app.post("/v1/orders", status_code=201)
async def place(order: Order) -> dict[str, str]:
    result = await orders.insert_one(order.model_dump())
    return {"order_id": str(result.inserted_id)}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning", loop=EVENT_LOOP)
