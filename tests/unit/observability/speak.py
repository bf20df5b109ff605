"""Says a made-up person's name in every way a service could log it. `python -m tests.unit.observability.speak json`.

Each line's event begins with `case-`, or is the name of the library's logger, so that a test can see that it was
written and not merely lost.
"""

import asyncio
import gc
import logging
import sys
import warnings

import structlog
from pydantic import BaseModel
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from shared.contracts.orders import OrderPlaced
from shared.observability.logging import configure_logging
from tests.unit.observability.secret import NAME

log = structlog.get_logger("services.delivery")
library = logging.getLogger("some.library")


class Person(BaseModel):
    given_name: int


def raised(kind: type[BaseException] = ValueError, *arguments: object) -> BaseException:
    local_variable = NAME
    try:
        raise kind(*(arguments or (f"{local_variable} is not a number",)))
    except BaseException as error:
        return error


def chained() -> BaseException:
    try:
        try:
            raise ValueError(NAME)
        except ValueError as cause:
            raise RuntimeError(NAME) from cause
    except RuntimeError as error:
        error.add_note(NAME)
        return error


def invalid() -> BaseException:
    try:
        Person.model_validate_json(f'{{"given_name": "{NAME}"}}')
    except ValueError as error:
        return error
    raise AssertionError


def own_messages() -> None:
    log.info("case-unknown-keys", order_id="0" * 32, given_name=NAME, email=NAME, person={"name": NAME}, payload=NAME)
    log.info("case-stack", stack_info=True)
    log.error("case-exception", exc_info=raised())
    log.error("case-exception-tuple", exc_info=(ValueError, raised(), None))
    log.error("case-chain", exc_info=chained())
    log.error("case-group", exc_info=ExceptionGroup(NAME, [ValueError(NAME)]))
    log.error("case-pydantic", exc_info=invalid())
    detail = {"writeErrors": [{"code": 11000, "errmsg": NAME, "op": {"given_name": NAME}}], "writeConcernErrors": []}
    log.error("case-pymongo-bulk", exc_info=raised(BulkWriteError, detail))
    log.error("case-pymongo-duplicate", exc_info=raised(DuplicateKeyError, NAME, 11000, {"keyValue": NAME}))
    log.error("case-pymongo-write", exc_info=raised(WriteError, NAME, 121))
    try:
        secret = NAME
        raise KeyError(secret)
    except KeyError:
        log.exception("case-current")
    structlog.contextvars.bind_contextvars(given_name=NAME)
    log.info("case-context")
    structlog.contextvars.clear_contextvars()
    structlog.get_logger("services.delivery").bind(given_name=NAME).info("case-bound")


def library_messages() -> None:
    library.warning("case-template %s", NAME)
    library.warning("case-template-mapping %(name)s", {"name": NAME})
    library.warning(f"formatted with {NAME}")
    library.warning(ValueError(NAME))
    library.warning("case-extra %d", 1, extra={"given_name": NAME, "fields": NAME})
    library.error("case-library-exception %d", 1, exc_info=raised())
    library.error("case-library-stack %d", 1, stack_info=True)
    logging.getLogger("aiokafka.consumer").error("case-aiokafka %r", {"value": NAME})
    logging.getLogger("pymongo.command").debug(f"never: {NAME}")
    logging.getLogger("uvicorn.access").info("never: %s", NAME)
    warnings.warn(f"unexpected {NAME}", stacklevel=1)
    OrderPlaced.model_construct(order_id=7, payment_method=NAME, sealed={NAME: NAME}).model_dump_json()  # warns


async def forgotten_task() -> None:
    async def fail() -> None:
        raise ValueError(NAME)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()


if __name__ == "__main__":
    configure_logging("delivery", json=sys.argv[1] == "json")
    own_messages()
    library_messages()
    asyncio.run(forgotten_task())
