"""A trading day: everything that is done about decisions on a day, in order, by the commands that do each part."""

from collections.abc import Iterator
from io import StringIO
from typing import Any, NamedTuple, Protocol

from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from audit_trail.days.drafting import PORTFOLIO
from audit_trail.executions.audit_book import AuditBook
from audit_trail.executions.known import DecisionOrders
from audit_trail.sources.quiver.feeds import FEEDS
from config.broker_environment import ALPACA_API_SECRET
from config.days import SCHEDULED_HOUR, wired_day
from config.decision_environment import trades_daily
from config.environment import broker_settings
from config.sources import BARS, NEEDS, is_set
from trading.market_hours.calendar import NEW_YORK, session_of
from trading.values.arithmetic import plain
from trading.values.sides import Side

UNDER_WAY = 3
"""With this code `ingest` ends where another process is at it."""

# So long one that runs on schedule waits for sales before it buys, and for purchases before it tells of them. Whatever
# is still open then is followed by the schedule of polling.
SCHEDULED_SECONDS = 60


class Writable(Protocol):
    """Where lines go: a command's output, or text that is told later."""

    def write(self, text: str, /) -> Any: ...


class Part(NamedTuple):
    """A command of the day, and whether the day ends where it fails."""

    command: tuple[str, ...]
    ends_the_day: bool
    forgiven: tuple[int, ...] = (0, 1)
    """Exit codes after which the day goes on all the same, where the part does not end it."""

    after_sales: bool = False
    """Whether it is left for later while a sale is under way that pays for it."""

    def __str__(self) -> str:
        return " ".join(self.command)


class DayEnded(Exception):
    """A part failed that the rest rests on. What was done before it stands, and the day can be begun again."""

    def __init__(self, part: Part, code: int, text: str) -> None:
        super().__init__(f"{part}: {text}. The day ends here; nothing after it was done")
        self.code = code


def parts(*, ingests: bool, seconds: int, plan_only: bool = False) -> Iterator[Part]:
    """What a day is made of. Sales are waited for before anything is bought, since they pay for it."""
    if ingests:
        for task in FEEDS:
            yield Part(("ingest", task), ends_the_day=True)
        # Without bars sizes go by a guess, which the plan says.
        if is_set(NEEDS[BARS]) and is_set(ALPACA_API_SECRET):
            yield Part(("ingest", BARS), ends_the_day=False, forgiven=(0, 1, UNDER_WAY))
    if plan_only:
        yield Part(("run_strategy", PORTFOLIO, "--plan"), ends_the_day=True)
        return
    yield Part(("run_strategy", PORTFOLIO), ends_the_day=True)
    execute = ("execute_decisions", "--follow", str(seconds), "--side")
    yield Part((*execute, "sell"), ends_the_day=False)
    yield Part((*execute, "buy"), ends_the_day=False, after_sales=True)


def trade(day: Iterator[Part], out: Writable, errors: Writable) -> int:
    """Do one part after the other. Return 0, or the exit code of the last that failed without ending the day.

    Raises DayEnded.
    """
    code = 0
    for part in day:
        if part.after_sales and (left := sales_under_way()):
            raise DayEnded(
                part,
                1,
                f"expected the sales that pay for it to have ended, found {', '.join(left)} under way; purchases stay "
                "pending, `manage.py execute_decisions --side buy` carries them out once they have",
            )
        out.write(f"--- {part}\n")
        try:
            call_command(*part.command, stdout=out, stderr=errors)
        except (CommandError, SystemExit) as error:
            failed = error.returncode if isinstance(error, CommandError) else int(error.code or 0)
            if part.ends_the_day or failed not in part.forgiven:
                raise DayEnded(part, failed, str(error)) from error
            if isinstance(error, CommandError):
                errors.write(f"{part}: {error}\n")
            code = failed or code
    return code


def sales_under_way() -> list[str]:
    """The symbols of which a sale of decisions has not ended; in another account it pays for nothing here."""
    orders = DecisionOrders(broker_settings().broker, books=[AuditBook()]).open()
    return sorted({order.request.symbol for order in orders if order.request.side is Side.SELL})


def standing() -> Iterator[str]:
    """Tell how the account and what decisions hold stand, as the broker and our books say now."""
    with wired_day() as wired:
        account, held = wired.broker.account(), DecisionOrders(wired.broker.name).holdings()
    for name, amount in (("equity", account.equity_usd), ("cash", account.cash_usd)):
        yield f"{name}: {'not told' if amount is None else f'{plain(amount)} USD'}"
    for symbol, shares in sorted(held.items()):
        if shares:
            yield f"decisions hold {plain(shares)} {symbol}"


def trade_on_schedule() -> str:
    """Decide and execute at ten in New York on days with a session, if that is asked for. Raises DayEnded."""
    if not trades_daily():
        return "TRADE_DAILY is off: nothing is decided on schedule"
    here = timezone.now().astimezone(NEW_YORK)
    if here.hour != SCHEDULED_HOUR:
        return f"it is {here:%H:%M} in New York: a day is traded in the hour from {SCHEDULED_HOUR}:00"
    if session_of(here.date()) is None:
        return f"there is no session on {here.date()}"
    told = StringIO()
    trade(parts(ingests=False, seconds=SCHEDULED_SECONDS), told, told)
    return told.getvalue()
