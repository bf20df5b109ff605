"""The outside world as parts of the stack."""

import sys
from collections.abc import Mapping

from deploy.local.environment import child_environment
from deploy.local.layout import Layout
from deploy.local.part import Part
from deploy.local.readiness import Gate, http_ready, smtp_ready

NAMES = ("mail", "sms", "partner")


def outside_parts(layout: Layout, ports: Mapping[str, int], mailbox: str | None = None) -> list[Part]:
    """`ports`: one for each of NAMES. `mailbox`: the controller's address, where it has a mailbox to deliver into."""

    def part(name: str, module: str, store: str, ready: Gate, *more: str) -> Part:
        argv = (sys.executable, "-m", f"deploy.local.outside.{module}", str(ports[name]), store, *more)
        return Part(name, argv, child_environment(), ready, stop_seconds=5)

    own = (mailbox, str(layout.mailbox_dir)) if mailbox else ()
    return [
        part("mail", "mail_sink", str(layout.mail_dir), smtp_ready(ports["mail"]), *own),
        part("sms", "sms_gateway", str(layout.sms_log), http_ready(f"http://127.0.0.1:{ports['sms']}/health/ready")),
        part(
            "partner",
            "courier_partner",
            str(layout.partner_log),
            http_ready(f"http://127.0.0.1:{ports['partner']}/health/ready"),
        ),
    ]
