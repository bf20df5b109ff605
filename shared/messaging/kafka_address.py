"""Where a Kafka cluster is, and as whom to speak to it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faststream.security import BaseSecurity, SASLScram512


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """`bootstrap_servers`: host:port, comma separated. Without a `username` the cluster asks nobody who they are, which
    only the embedded broker does. With a `ca_file` (PEM) the connection is encrypted."""

    bootstrap_servers: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    def client_options(self) -> dict[str, Any]:
        """aiokafka's, for its clients."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap_servers}
        if self.username is None:
            return options
        return options | {
            "security_protocol": "SASL_SSL" if self.ca_file else "SASL_PLAINTEXT",
            "ssl_context": self._tls(),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def security(self) -> BaseSecurity | None:
        """FastStream's, for its broker."""
        if self.username is None or self.password is None:
            return None
        return SASLScram512(self.username, self.password, ssl_context=self._tls(), use_ssl=self.ca_file is not None)

    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
