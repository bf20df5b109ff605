"""A stand-in for an OpenTelemetry collector, on loopback: takes OTLP over HTTP and keeps every byte. It checks nothing
that a real one checks; what it is for is to see all that services send."""

import gzip
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Sent:
    """A span as it came. Ids are hexadecimal; parent: "" of a trace's first; links: (trace, span) ids."""

    service: str
    scope: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, str | int] = field(hash=False)
    seconds: float


class Collector:
    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()

    def spans(self) -> list[Sent]:
        return [sent for body in list(self.bodies) for sent in _spans(ExportTraceServiceRequest.FromString(body))]

    def traces(self) -> dict[str, list[Sent]]:
        """By their ids."""
        found: dict[str, list[Sent]] = defaultdict(list)
        for span in self.spans():
            found[span.trace].append(span)
        return found


def _spans(request: ExportTraceServiceRequest) -> Iterator[Sent]:
    for resource in request.resource_spans:
        service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Sent(
                    service,
                    scope.scope.name,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes},
                    (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                )


@contextmanager
def collector() -> Iterator[Collector]:
    """Listens while the block runs, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            kept.paths.add(self.path)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
