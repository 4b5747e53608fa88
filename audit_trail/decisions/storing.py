"""Storing: all decisions of a run become rows in one commit, before the first of them is executed.

A strategy decides once a day about a symbol in an account. To store the same again adds nothing, whatever it says now:
what was stored first is what was decided.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from django.db import transaction

from audit_trail.decisions.drafts import Draft, NotADraft, TradedAccount
from audit_trail.decisions.lineage import check_lineage, keep_lineage
from audit_trail.decisions.models import TradeDecision
from trading.conductor.reconciling.identity import TradingAccount


class NoAccount(LookupError):
    """No account was confirmed at the broker. Run `manage.py confirm_account` first; nothing was stored."""


class Stored(msgspec.Struct, frozen=True):
    """The decisions about what was drafted, in the drafts' order."""

    decisions: tuple[TradeDecision, ...]
    made: frozenset[UUID]
    """Those of them that were not there before, by their decision ids."""

    @property
    def new(self) -> int:
        return len(self.made)


def traded_account(broker: str) -> TradedAccount:
    """The account that an operator confirmed at a broker. Raises NoAccount."""
    row = TradingAccount.objects.filter(broker=broker).first()
    if row is None:
        raise NoAccount(f"no account was confirmed at {broker}: run `manage.py confirm_account --reason …`")
    return TradedAccount(broker, row.account_number, row.paper)


def store(
    drafts: Sequence[Draft],
    *,
    account: TradedAccount,
    trading_day: date,
    decided_at: datetime,
    beside: Callable[[Stored], object] = lambda _: None,
) -> Stored:
    """Store all decisions of a run with what each rests on, or none; what is kept `beside` them, in the same commit.

    Raises NotADraft where they contradict each other, look ahead, or rest on what is not in our tables.
    """
    _check(drafts, decided_at)
    check_lineage(drafts, decided_at)
    with transaction.atomic(durable=True):
        known = _known(drafts, account, trading_day)
        rows = [_row(draft, account, trading_day, decided_at) for draft in drafts if _key(draft) not in known]
        # Another process may store the same run at the same moment.
        TradeDecision.objects.bulk_create(rows, ignore_conflicts=True)
        stored = _known(drafts, account, trading_day)
        ours = {row.decision_id for row in rows}
        decided = [(draft, stored[_key(draft)]) for draft in drafts]
        new = [(draft, row) for draft, row in decided if row.decision_id in ours]
        keep_lineage(new)
        told = Stored(tuple(row for _, row in decided), frozenset(row.decision_id for _, row in new))
        beside(told)
    return told


def _check(drafts: Sequence[Draft], decided_at: datetime) -> None:
    keys = [_key(draft) for draft in drafts]
    if twice := sorted({f"{strategy} {symbol}" for strategy, symbol in keys if keys.count((strategy, symbol)) > 1}):
        raise NotADraft(f"expected one decision a strategy and symbol, found several of {', '.join(twice)}")
    for draft in drafts:
        if draft.known_at > decided_at:
            raise NotADraft(
                f"expected {draft.strategy} to decide on {draft.symbol} by what was known by "
                f"{decided_at.isoformat()}, was of {draft.known_at.isoformat()}"
            )


def _known(drafts: Sequence[Draft], account: TradedAccount, trading_day: date) -> dict[tuple[str, str], TradeDecision]:
    rows = TradeDecision.objects.filter(
        strategy_name__in={draft.strategy for draft in drafts},
        symbol__in={draft.symbol for draft in drafts},
        trading_day=trading_day,
        broker=account.broker,
        account_number=account.number,
    )
    return {(row.strategy_name, row.symbol): row for row in rows}


def _key(draft: Draft) -> tuple[str, str]:
    return draft.strategy, draft.symbol


def _row(draft: Draft, account: TradedAccount, trading_day: date, decided_at: datetime) -> TradeDecision:
    row: TradeDecision = TradeDecision(
        strategy_name=draft.strategy,
        strategy_version=draft.strategy_version,
        broker=account.broker,
        account_number=account.number,
        trading_mode=account.mode,
        trading_day=trading_day,
        symbol=draft.symbol,
        side=draft.side,
        shares=draft.shares,
        notional_usd=draft.notional_usd,
        closes_position=draft.closes_position,
        may_short=draft.may_short,
        limit_price_usd=draft.limit_price_usd,
        reference_price_usd=draft.reference_price_usd,
        signal_strength=draft.rationale.signal_strength,
        strength_order=draft.rationale.strength_order,
        trigger_event=draft.rationale.trigger_event,
        decision_rationale=draft.rationale.as_text(),
        known_at=draft.known_at,
        decided_at=decided_at,
    )
    return row
