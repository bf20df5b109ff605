"""A case as the topic `suppressions` has it."""

from typing import cast

from services.privacy.case import Case
from shared.contracts.erasure import Store
from shared.contracts.suppressions import SubjectSuppressed


def suppression_of(case: Case) -> SubjectSuppressed:
    """Of a case of scope `all`, as it stands."""
    return SubjectSuppressed(
        subject_id=case.subject_id,
        case_id=case.case_id,
        channel=case.channel,
        received_at=case.received_at,
        keys_destroyed=cast(tuple[Store, ...], tuple(case.keys_destroyed)),
        open_orders=case.open_orders,
        settled_orders={d.order_id: d.settled_by for d in case.deferrals if d.settled_by},
    )
