"""MongoDB as the policy has it: views, roles, one user per service, indexes no service may make itself.

Works on the embedded server and on an external one alike; the client is an administrator's. Repeatable: what is
there is brought to what the policy says now, so a grant taken out of the file is gone after the next run.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from pymongo.errors import OperationFailure

from shared.policy.access import ROLES_DATABASE, Role, View, roles, views
from shared.policy.model import Policy
from shared.stores.mongo import Client

_ROLE_EXISTS = 51002
_USER_EXISTS = 51003


async def provision(client: Client, policy: Policy, passwords: Mapping[str, str]) -> None:
    """`passwords`: one per service, by its name, which is also the user's and the role's."""
    await _put_views(client, views(policy))
    for role in roles(policy):
        await _put_role(client, role)
        await _put_user(client, role.name, passwords[role.name])
    await _put_indexes(client, policy)


def uri_of(admin_uri: str, user: str, password: str) -> str:
    """The administrator's URI with another user's name and password in it."""
    parts = urlsplit(admin_uri)
    hosts = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{hosts}"))


async def _put_views(client: Client, wanted: tuple[View, ...]) -> None:
    for database in {view.database for view in wanted}:
        found = {info["name"] async for info in await client[database].list_collections(filter={"type": "view"})}
        for name in found - {view.name for view in wanted if view.database == database}:
            await client[database].drop_collection(name)
        for view in (view for view in wanted if view.database == database):
            verb = "collMod" if view.name in found else "create"
            await client[database].command({verb: view.name, "viewOn": view.source, "pipeline": list(view.pipeline)})


async def _put_role(client: Client, role: Role) -> None:
    definition = {
        "privileges": [
            {
                "resource": {"db": privilege.database, "collection": privilege.collection},
                "actions": list(privilege.actions),
            }
            for privilege in role.privileges
        ],
        "roles": [{"role": "readWrite", "db": database} for database in role.read_write],
    }
    await _create_or_update(client, "Role", role.name, definition, _ROLE_EXISTS)


async def _put_user(client: Client, user: str, password: str) -> None:
    definition = {
        "pwd": password,
        "roles": [{"role": user, "db": ROLES_DATABASE}],
        "mechanisms": ["SCRAM-SHA-256"],
    }
    await _create_or_update(client, "User", user, definition, _USER_EXISTS)


async def _create_or_update(
    client: Client, kind: str, name: str, definition: Mapping[str, object], exists: int
) -> None:
    try:
        await client[ROLES_DATABASE].command({f"create{kind}": name, **definition})
    except OperationFailure as error:
        if error.code != exists:
            raise
        await client[ROLES_DATABASE].command({f"update{kind}": name, **definition})


async def _put_indexes(client: Client, policy: Policy) -> None:
    """In a database that is no service's own, none of them may make an index: the way to a person's records."""
    for database, store in policy.stores.items():
        if store.answers_erasure:
            continue
        for name, collection in store.collections.items():
            if collection.subject not in (None, "_id"):
                await client[database][name].create_index(collection.subject)
