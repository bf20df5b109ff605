"""FastStream's producer without a broker behind it."""

from typing import Any


class Holder:
    """As FastStream keeps its producer."""

    serializer = codec = None

    def __init__(self) -> None:
        self._producer = Producer()

    async def connect(self, producer: Any, serializer: Any, codec: Any) -> None:
        self._producer = producer


class Producer:
    def __init__(self, **_: Any) -> None:
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True
