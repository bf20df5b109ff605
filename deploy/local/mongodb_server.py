"""Which MongoDB a stack uses: somebody else's, or a mongod of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pymongo.errors import PyMongoError

from deploy.local.credentials import Credentials
from deploy.local.external import ServerUnreachable
from deploy.local.layout import SERVICES, Layout
from deploy.local.mongod import ADMIN, admin_uri, bootstrap, mongod_part
from deploy.local.part import Part
from deploy.provision import mongodb
from shared.policy.model import Policy
from shared.stores.mongo import connect

MONGOD = "mongod"


@dataclass(frozen=True, slots=True)
class MongodbServer:
    """`external`: an administrator's URI; it goes before the stack's own."""

    layout: Layout
    credentials: Credentials
    external: str | None = field(repr=False)

    def uri(self, ports: Mapping[str, int]) -> str:
        """The administrator's."""
        return self.external or admin_uri(ports[MONGOD], self.credentials.password(ADMIN))

    def uri_of(self, service: str, ports: Mapping[str, int]) -> str:
        """As the service itself connects."""
        return mongodb.uri_of(self.uri(ports), service, self.credentials.password(service))

    def parts(self, ports: Mapping[str, int]) -> Sequence[Part]:
        """To start. Raises PartMissing."""
        return () if self.external is not None else (mongod_part(self.layout, ports[MONGOD], self.credentials),)

    async def bootstrap(self, ports: Mapping[str, int]) -> None:
        """After each start of its own mongod. Raises CredentialsLost."""
        await bootstrap(ports[MONGOD], self.credentials.password(ADMIN))

    async def provision(self, ports: Mapping[str, int], policy: Policy) -> None:
        """Users, roles and views. Raises ServerUnreachable for an external server, else pymongo's PyMongoError."""
        if self.external is None:
            await self.bootstrap(ports)
        client = connect(self.uri(ports), service="provisioner")
        try:
            await mongodb.provision(client, policy, {name: self.credentials.password(name) for name in SERVICES})
        except PyMongoError as error:
            if self.external is None:
                raise
            raise ServerUnreachable("MONGODB_URI", type(error).__name__) from None
        finally:
            client.close()
