"""Whether a person is still here: neither erased nor restricted."""

from services.intake.keyring_store import KeyringStore
from services.intake.subject_store import SubjectStore
from shared.stores.mongo import Session


async def is_here(subject_id: str, keyring: KeyringStore, subjects: SubjectStore, session: Session) -> bool:
    unfenced = await keyring.unfenced([subject_id], session)
    return subject_id in await subjects.unrestricted(unfenced, session)
