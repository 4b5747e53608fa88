"""Records: what was held against the rules and passed, one row an order, and what was denied, one row an episode.

Of an account's rule one notice tells for all symbols and strategies, so whoever keeps or ends a denial locks the
controls first, as whoever places an order does. Else two who each end one of two would each see the other's standing,
and the notice would stay; or it would be closed over one that was kept meanwhile.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from django.db import models, transaction
from django.db.models import Q

from trading.fields import ExactDecimalField
from trading.notices.models import close_notice, open_notice
from trading.risk.controls import lock_controls
from trading.risk.gate import Allowed, Denied
from trading.risk.rules import Rule
from trading.risk.scopes import HEDGE, LONGEST_SUBJECT, Scope
from trading.risk.situation import Placed, Request
from trading.values.arithmetic import plain
from trading.values.identifiers import ClientOrderId, OrderId
from trading.values.quantities import Usd
from trading.values.sides import Side
from trading.values.symbols import Symbol

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
NOTICE = "order_denied"
BY_ITSELF = "It is asked for again by itself as soon as that has changed"


class RiskCheck(models.Model):
    """Why an order was let through: what was asked, what was allowed, and every figure that was looked at."""

    client_order_id = models.CharField(max_length=128, primary_key=True)
    order_id = models.BigIntegerField(null=True, unique=True, help_text="the number of a hedge")
    broker = models.CharField(max_length=20)
    strategy = models.CharField(max_length=LONGEST_SUBJECT)
    symbol = models.CharField(max_length=32)
    side = models.CharField(max_length=4, choices=[(s.value, s.value) for s in Side])
    asked_shares = ExactDecimalField()
    allowed_shares = ExactDecimalField()
    price_usd = ExactDecimalField(help_text="what a share was reckoned at")
    notional_usd = ExactDecimalField()
    figures = models.TextField(help_text="JSON")
    checked_at = models.DateTimeField()

    class Meta:
        db_table = "risk_checks"
        verbose_name = "risk check"
        indexes = [
            models.Index(fields=["checked_at"], name="risk_checks_at"),
            models.Index(fields=["symbol", "checked_at"], name="risk_checks_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.client_order_id} {self.side} {self.allowed_shares} {self.symbol}"


class Denial(models.Model):
    """An order that was not placed, for as long as the same rule stands against it: one row, however often."""

    id = models.BigAutoField(primary_key=True)
    broker = models.CharField(max_length=20)
    strategy = models.CharField(max_length=LONGEST_SUBJECT)
    symbol = models.CharField(max_length=32)
    rule = models.CharField(max_length=30)
    side = models.CharField(max_length=4, choices=[(s.value, s.value) for s in Side])
    shares = ExactDecimalField(help_text="asked for, when it was last denied")
    text = models.TextField()
    figures = models.TextField(help_text="JSON, of when it was last denied")
    times = models.IntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    not_before = models.DateTimeField(help_text="when it is written down again at the earliest")
    ended_at = models.DateTimeField(
        null=True, help_text="when the order was placed, was not wanted any more, or halted"
    )

    class Meta:
        db_table = "risk_denials"
        verbose_name = "denial"
        indexes = [models.Index(fields=["symbol", "-id"], name="risk_denials_symbol")]
        constraints = [
            models.UniqueConstraint(
                fields=["broker", "strategy", "symbol", "rule"],
                condition=Q(ended_at=None),
                name="risk_denials_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.symbol}: {self.rule}"


def keep_check(
    request: Request, allowed: Allowed, *, client_order_id: ClientOrderId, order_id: OrderId | None, now: datetime
) -> None:
    """Write down why an order was let through, in the commit that places it."""
    RiskCheck.objects.create(
        client_order_id=client_order_id,
        order_id=order_id,
        broker=request.broker,
        strategy=request.strategy,
        symbol=request.symbol,
        side=request.side,
        asked_shares=request.shares,
        allowed_shares=allowed.shares,
        price_usd=allowed.price_usd,
        notional_usd=allowed.notional_usd,
        figures=_text(allowed.figures),
        checked_at=now,
    )


@transaction.atomic
def keep_denial(request: Request, denied: Denied, *, now: datetime, again: str = BY_ITSELF) -> Denial:
    """Write a denial down: counted where it stands already, and due again after a wait that doubles.

    `again` tells an operator how the order is asked for again.
    """
    lock_controls()
    denial, _ = Denial.objects.get_or_create(
        broker=request.broker,
        strategy=request.strategy,
        symbol=request.symbol,
        rule=denied.rule,
        ended_at=None,
        defaults={"side": request.side, "shares": request.shares, "first_at": now, "last_at": now, "not_before": now},
    )
    denial.side, denial.shares = request.side, request.shares
    denial.text, denial.figures = denied.text, _text(denied.figures)
    denial.times += 1
    denial.last_at, denial.not_before = now, now + min(FIRST_WAIT * (1 << min(denial.times - 1, 20)), LONGEST_WAIT)
    denial.save()
    _tell(denial, again, now)
    return denial


def standing_denials(*, broker: str, strategy: str) -> list[Denial]:
    """The denials that stand, oldest first."""
    return list(Denial.objects.filter(broker=broker, strategy=strategy, ended_at=None).order_by("id"))


def end_denials(denials: Collection[Denial], *, now: datetime) -> None:
    """The orders were placed, or are not wanted any more: what stood against them is over."""
    if not denials:
        return  # Nor is a lock taken: so it is nearly always.
    # With their notices, which nobody would look at again.
    with transaction.atomic():
        lock_controls()
        Denial.objects.filter(pk__in=[denial.pk for denial in denials]).update(ended_at=now)
        for subject in {_notice_subject(denial) for denial in denials}:
            # Of the account's denials the notice is one for all symbols.
            if not any(_notice_subject(other) == subject for other in Denial.objects.filter(ended_at=None)):
                close_notice(NOTICE, subject, at=now)


def end_denials_of(symbol: Symbol, *, broker: str, strategy: str, now: datetime) -> None:
    """Nothing that a strategy wants of a symbol stands before the gate any more."""
    standing = standing_denials(broker=broker, strategy=strategy)
    end_denials([denial for denial in standing if denial.symbol == symbol], now=now)


def _tell(denial: Denial, again: str, now: datetime) -> None:
    rule = Rule(denial.rule)
    if rule.times_before_a_notice is None or denial.times < rule.times_before_a_notice:
        return
    open_notice(
        NOTICE,
        _notice_subject(denial),
        f"{denial.side} {plain(denial.shares)} {denial.symbol} is not placed ({denial.strategy}), {rule}: {denial.text}"
        f". {again}",
        at=now,
    )


def _notice_subject(denial: Denial) -> str:
    return denial.broker if Rule(denial.rule).is_of_the_account else f"{denial.symbol} ({denial.strategy})"


def placed_since(
    since: datetime | None, *, also: Collection[ClientOrderId] = ()
) -> tuple[list[Placed], dict[str, Usd]]:
    """The orders let through since a time, and the prices that these and some others were reckoned at; one query."""
    wanted = Q(client_order_id__in=list(also))
    rows = RiskCheck.objects.filter(wanted if since is None else wanted | Q(checked_at__gte=since))
    placed, prices = [], {}
    for row in rows.only("client_order_id", "broker", "strategy", "symbol", "notional_usd", "price_usd", "checked_at"):
        prices[row.client_order_id] = Usd(row.price_usd)
        if since is not None and row.checked_at >= since:
            placed.append(
                Placed(
                    broker=row.broker,
                    strategy=row.strategy,
                    symbol=Symbol(row.symbol),
                    notional_usd=Usd(row.notional_usd),
                    placed_at=row.checked_at,
                )
            )
    return placed, prices


def never_met(scope: Scope, subject: str) -> str | None:
    """Tell where no order of a symbol or a strategy has come to the gate so far: its name may be a slip of the pen."""
    if scope not in (Scope.SYMBOL, Scope.STRATEGY) or subject == HEDGE:
        return None
    if any(records.objects.filter(**{scope.value: subject}).exists() for records in (RiskCheck, Denial)):
        return None
    return f"no order of {scope.named(subject)} has come to the risk gate so far: is that its name?"


def _text(figures: dict[str, str]) -> str:
    return msgspec.json.encode(figures).decode()
