"""Answer a written application that becomes no case: it asks for nothing we can act on, or was answered elsewhere."""

from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.roles import Staff
from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_steps import ApplicationSteps
from shared.policy.rows import Language


@dataclass(frozen=True, slots=True)
class ApplicationAnswers:
    steps: ApplicationSteps

    async def refuse(self, application: Application, language: Language, staff: Staff, now: datetime) -> None:
        """Say so to the writer, in their language: never silence (Law 94-V art. 8(7)). Raises MovedMeanwhile."""
        await self.steps.step(
            application,
            "application_refused",
            now,
            to="refused",
            reply="not_actionable",
            language=language,
            changes={"language": language},
            detail={"by": staff.account_id, "language": language},
        )

    async def answered(self, application: Application, staff: Staff, now: datetime) -> None:
        """Nothing is sent: it was answered otherwise, or no person wrote it. Raises MovedMeanwhile."""
        await self.steps.step(application, "application_answered", now, to="answered", detail={"by": staff.account_id})
