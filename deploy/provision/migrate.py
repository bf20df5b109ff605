"""`python -m deploy.provision.migrate FOLDER`: MongoDB as the policy of this version has it. Before each roll-out.

MONGODB_URI: an administrator's. FOLDER/<service>: the URI that the service connects with; its password becomes its
user's, so a password has one source. Repeatable; a grant that the policy has lost is taken away.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.provision.mongodb import provision
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.stores.mongo import connect


class PasswordMissing(Exception):
    def __init__(self, service: str) -> None:
        super().__init__(
            f"The MongoDB URI of {service} holds no password for its user. Write mongodb://USER:PASSWORD@…"
        )


def passwords(folder: Path, policy: Policy) -> Mapping[str, str]:
    """Service → password. Raises PasswordMissing, or OSError where a file is missing."""
    return {service: _password(folder / service) for service in policy.erasing_stores}


def _password(path: Path) -> str:
    password = urlsplit(path.read_text().strip()).password
    if not password:
        raise PasswordMissing(path.name)
    return unquote(password)


async def migrate(admin_uri: str, folder: Path) -> None:
    """Raises pymongo's PyMongoError where the server refuses."""
    policy = load_policy()
    client = connect(admin_uri, service="provisioner")
    try:
        await provision(client, policy, passwords(folder, policy))
    finally:
        client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="one file a service, named as it is: its URI")
    folder = parser.parse_args().folder
    asyncio.run(migrate(os.environ["MONGODB_URI"], folder))
