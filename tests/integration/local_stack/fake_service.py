"""A stand-in for a service, for tests of supervision: it listens, answers every request with 200, ends on TERM.

`python fake_service.py PORT`; with `--code N` it ends with N at once, with `--deaf` it ignores TERM.
"""

import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ok(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    if "--code" in sys.argv:
        print("this is why")
        sys.exit(int(sys.argv[sys.argv.index("--code") + 1]))
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "--deaf" in sys.argv else lambda *_: sys.exit(0))
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Ok).serve_forever()
