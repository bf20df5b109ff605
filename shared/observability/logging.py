"""Structured logs that cannot carry personal data: keys come from an allow-list, tracebacks hold no locals or values.

An exception is logged as its type and the places it passed through. Its text is left out, because libraries put
their input into it (pydantic and MongoDB both do).
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "service",
        "topic",
        "partition",
        "offset",
        "count",
        "counts",
        "code",
        "codes",
        "outcome",
        "subject_id",
        "order_id",
        "shipment_id",
        "case_id",
        "event_id",
        "event_type",
        "message_id",
        "reader",
        "purpose",
        "fields",
        "store",
        "collection",
        "collections",
        "round",
        "state",
        "status",
        "method",
        "path",
        "duration_ms",
        "attempt",
        "delay_seconds",
        "epoch",
        "epochs",
        "recipient",
        "kind",
        "error",
        "where",
        "group",
        "port",
        "url",
        "pid",
        "deadline",
        "channel",
        "scope",
        "line",
        "total",
        "accepted",
        "refused",
        "oldest_seconds",
    }
)


def configure_logging(service: str, *, json: bool = True, stream: TextIO = sys.stdout) -> None:
    """Route structlog and the standard library's loggers through one chain to `stream`."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _named(service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_without_values,
        _only_allowed_keys,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_template_only, *shared],
            pass_foreign_args=True,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("aiokafka", "pymongo", "httpx", "httpcore", "uvicorn", "uvicorn.error", "faststream"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # paths and addresses are not for the log
    logging.captureWarnings(True)  # pydantic's quote the value they warn of; standard error is a log too


def _named(service: str) -> structlog.types.Processor:
    def name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return name


def _exception_without_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        event["where"] = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _template_only(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's message may quote its input: keep who spoke and how loudly, and the template where there is one."""
    record: logging.LogRecord = event["_record"]
    has_template = isinstance(record.msg, str) and event.get("positional_args")
    event["event"] = record.msg if has_template else record.name
    return event


def _only_allowed_keys(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    dropped = [key for key in event if key not in ALLOWED_KEYS and not key.startswith("_")]
    for key in dropped:
        del event[key]
    return event
