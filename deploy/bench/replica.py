"""One replica of delivery's pipeline for `scaling`: it reads its topic until it is told to stop."""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

from deploy.bench.pipeline import READER
from services.delivery.shipment_store import ShipmentStore
from services.delivery.track_orders import OrderTracking
from shared.contracts.event import Event
from shared.contracts.orders import OrderPlaced
from shared.http.server import collect_garbage_seldom
from shared.messaging.broker import kafka_broker
from shared.messaging.consume import BatchConsumer, Handler, subscribe
from shared.messaging.dead_letters import DeadLetters
from shared.messaging.kafka_address import KafkaAddress
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect


async def main() -> None:
    settings = json.loads(os.environ["SEALED_BENCH"])
    collect_garbage_seldom()
    client = connect(settings["mongodb"], service="bench")
    kafka = KafkaAddress(settings["servers"], settings["user"], settings["password"])
    unwrapper = KeyUnwrapper(KekFiles(Path(settings["keys"]) / READER, READER), READER, 60)
    keyring = KeyringReader(MongoKeyringView(client, READER), unwrapper, max_age_seconds=60)
    tracking = OrderTracking(ShipmentStore(client["delivery"]), keyring)
    broker = kafka_broker(kafka, service=READER, idempotent=kafka.username is not None)
    handlers: dict[type[Event], Handler] = {OrderPlaced: tracking.on_placed}
    consumer = BatchConsumer(settings["topic"], handlers, DeadLetters(broker, READER))
    subscribe(broker, consumer, service=settings["group"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await broker.start()
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await broker.stop()


if __name__ == "__main__":
    asyncio.run(main())
