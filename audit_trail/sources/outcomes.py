"""Outcomes: what a call to a source came to where it is no answer, named by what may be done next."""

from datetime import timedelta


class SourceError(Exception):
    """A source gave no answer that can be read. Nothing of the run is stored."""


class SourceUnavailable(SourceError):
    """No answer came, or none of the source's own. Ask again later."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long the source asked us to wait, where it said so."""


class NotAuthorised(SourceError):
    """The source does not take our token. Nothing is asked of it until an operator mends that."""


class NotInPlan(SourceError):
    """Our plan at the source does not have this. Change the plan, or leave this task out."""


class NotTaken(SourceError):
    """The source says that our question is malformed. The adapter has to be mended."""


class UnusableAnswer(SourceError):
    """The answer is not what the source's contract says. The adapter has to be mended; nothing is guessed."""


class AllowanceSpent(SourceError):
    """So many calls as a day may have were made. Ask again on the next one."""
