"""Outcomes: what a call to a broker came to where it is no answer, named by what may be done next."""

from datetime import timedelta

from trading.values.identifiers import BrokerOrderId


class BrokerError(Exception):
    """A broker's answer, or none, that is no report."""


class OrderRejected(BrokerError):
    """The broker said no. The order never existed there and never will; a new attempt needs a new id."""


class BrokerUnavailable(BrokerError):
    """Nothing was sent, or nothing was changed. Send the same again."""


class RateLimited(BrokerUnavailable):
    """The broker has had enough of our calls, and did nothing. Wait as it asks; this spends no try of the order's."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long the broker asked us to wait, where it said so."""


class NotAuthorised(BrokerUnavailable):
    """The broker does not know us, or not for this account. Nothing is sent until an operator mends the credentials."""


class LoginNeeded(NotAuthorised):
    """Our right to ask for tokens has ended or was taken. An operator must log in again."""


class OutcomeUnknown(BrokerError):
    """Something was sent, or may have been, and no answer came. Ask for the order by our id before anything else."""

    def __init__(self, message: str, *, named: BrokerOrderId | None = None, taken: bool = False) -> None:
        super().__init__(message)
        self.named = named
        """The id that the broker named for the order, where it is not seen to be that order's: it may be another's."""
        self.taken = taken or named is not None
        """The broker said that it took an order: wherever that is, it was not never there."""


class UnusableReport(BrokerError):
    """The broker reports what can't be. Stop this order, alert, and book nothing of it."""


class UnknownStatus(UnusableReport):
    """The broker used a word that we don't know. Stop this order and alert; the word goes into the adapter's table."""


class NoSuchOrder(BrokerError):
    """The broker has no order of this id of its own. Ask by our id; the order is not failed by this alone."""


class NotCancellable(BrokerError):
    """The order is past being cancelled. Ask how it ended."""


class NoSuchAsset(BrokerError):
    """The broker does not list this symbol."""


class NotOffered(BrokerError):
    """The broker can't do this at all, as its capabilities say. Nothing was sent."""


class UnusableAnswer(BrokerError):
    """What the broker said of the market or the account can't be read. Do without it; nothing is guessed."""
