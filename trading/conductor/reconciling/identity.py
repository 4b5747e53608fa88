"""Identity: which account this installation trades in, as an operator confirmed it once; in no other one."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.db import models

from trading.brokers.market import Account
from trading.brokers.outcomes import BrokerError
from trading.brokers.port import Broker
from trading.ledger.mode import THE_ROW, Installation
from trading.notices.models import Notice, close_notice, open_notice

log = structlog.get_logger(__name__)

NOTICE = "wrong_account"
LOOK_AGAIN_AFTER = timedelta(seconds=30)


class TradingAccount(models.Model):
    """What an operator confirmed: this installation, at this broker, trades in this account."""

    broker = models.CharField(max_length=20, primary_key=True)
    account_number = models.CharField(max_length=40)
    paper = models.BooleanField()
    installation = models.CharField(max_length=12)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    set_at = models.DateTimeField()

    class Meta:
        db_table = "trading_accounts"
        verbose_name = "trading account"

    def __str__(self) -> str:
        return f"{self.broker} {self.account_number} ({'paper' if self.paper else 'live'})"


def confirm_account(broker: str, account: Account, *, actor: str, reason: str, now: datetime) -> TradingAccount:
    """Store that this installation trades in this account from now on."""
    row, _ = TradingAccount.objects.update_or_create(
        broker=broker,
        defaults={
            "account_number": account.number,
            "paper": bool(account.paper),
            "installation": _mark(),
            "actor": actor,
            "reason": reason,
            "set_at": now,
        },
    )
    close_notice(NOTICE, broker, at=now)
    log.info("Trading account confirmed", broker=broker, paper=row.paper, actor=actor, reason=reason)
    return row


def differences(confirmed: TradingAccount | None, account: Account) -> list[str]:
    """Tell what differs between the account that was confirmed and the one that the broker has us in."""
    if confirmed is None:
        return ["no account was confirmed yet"]
    found = []
    if confirmed.account_number != account.number:
        found.append(f"expected account {_ending(confirmed.account_number)}, was {_ending(account.number)}")
    if confirmed.paper != bool(account.paper):
        found.append(f"expected a {_kind(confirmed.paper)} account, was a {_kind(bool(account.paper))} one")
    if confirmed.installation != _mark():
        found.append(f"expected installation {confirmed.installation}, was {_mark()}")
    return found


def what_is_wrong(broker: str) -> str | None:
    """What an operator is told of an account that is not the confirmed one, while that is so."""
    text: str | None = (
        Notice.objects.filter(kind=NOTICE, subject=broker, closed_at=None).values_list("text", flat=True).first()
    )
    return text


class OurAccount(Protocol):
    """Whether a broker has us in the account that was confirmed."""

    def __call__(self, now: datetime) -> bool: ...

    def is_another(self, now: datetime) -> bool:
        """Tell whether the broker has told us of another account than the confirmed one; no answer is not that."""


class AccountCheck:
    """Asks once a process whether the account is the one that was confirmed; until it is, nothing is sent.

    Once it was, it is so until another one is confirmed: the account that a process is in stays the same.
    """

    def __init__(self, broker: Broker, *, simulated: bool) -> None:
        """`simulated`: nothing is traded there, so that the account needs nobody's word (the dry run)."""
        self._broker, self._simulated = broker, simulated
        self._found: Account | None = None
        self._differs = False
        self._look_again_at: datetime | None = None

    def __call__(self, now: datetime) -> bool:
        if self._found is not None and not differences(_confirmed(self._broker.name), self._found):
            return True
        if self._look_again_at is not None and now < self._look_again_at:
            return False
        self._found = self._look(now)
        self._look_again_at = now + LOOK_AGAIN_AFTER
        return self._found is not None

    def is_another(self, now: datetime) -> bool:
        """Tell whether the broker has told us of another account than the confirmed one; no answer is not that."""
        return not self(now) and self._differs

    def _look(self, now: datetime) -> Account | None:
        """The account that the broker has us in; None where it is not the one that was confirmed."""
        name = self._broker.name
        try:
            account = self._broker.account()
        except BrokerError as error:
            log.warning("Account can't be checked yet, so nothing is sent", broker=name, error=str(error))
            self._differs = False
            return None
        confirmed = _confirmed(name)
        if confirmed is None and self._simulated:
            confirmed = confirm_account(name, account, actor="hedgetrail", reason="nothing is traded there", now=now)
        found = differences(confirmed, account)
        self._differs = bool(found)
        if found:
            told = "; ".join(found)
            open_notice(
                NOTICE,
                name,
                f"nothing is sent to {name}: {told}. If this is the account to trade in, say so with "
                f"`manage.py confirm_account --reason …`; if not, mend the settings and start again",
                at=now,
            )
            log.error("Account is not the confirmed one, so nothing is sent", broker=name, differences=told)
            return None
        close_notice(NOTICE, name, at=now)
        return account


def _confirmed(broker: str) -> TradingAccount | None:
    return TradingAccount.objects.filter(broker=broker).first()


def _mark() -> str:
    return Installation.objects.get(id=THE_ROW).mark


def _ending(number: str) -> str:
    return f"…{number[-4:]}"


def _kind(paper: bool) -> str:
    return "paper" if paper else "live"
