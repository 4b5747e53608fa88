"""Sizing: from what is said of a symbol to dollars, so that an ordinary day costs the same whichever share it is."""

from collections.abc import Mapping, Set
from decimal import ROUND_FLOOR, Decimal

import msgspec

from audit_trail.strategies.merging import merged_usd
from audit_trail.strategies.netting import Netted
from audit_trail.strategies.parameters import Merging, Parameters
from audit_trail.strategies.signals import Dropped, Reason, Signal
from audit_trail.strategies.targets import Origin, Target
from audit_trail.strategies.volatility import Market, MarketView
from trading.values.arithmetic import EXACT, ZERO, multiply, plain
from trading.values.symbols import Symbol


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """What the signals come to before any limit, by symbol, and what came to nothing."""

    targets: tuple[Target, ...]
    dropped: tuple[Dropped, ...]
    unpriced: Set[Symbol]
    """Symbols that are wanted, and of which no price is known: what is held of them stays as it is."""


def size(
    netted: tuple[Netted, ...],
    *,
    equity_usd: Decimal,
    market: Market,
    parameters: Parameters,
    versions: Mapping[str, str],
) -> Sized:
    """Size each symbol on the equity that was told; nobody is asked for another."""
    sizer = _Sizer(equity_usd, market, parameters, versions)
    targets = [target for one in netted if (target := sizer.target(one)) is not None]
    return Sized(targets=tuple(targets), dropped=tuple(sizer.dropped), unpriced=frozenset(sizer.unpriced))


def shares_for(*, equity_usd: Decimal, target_risk_pct: Decimal, atr_usd: Decimal, score: Decimal) -> Decimal:
    """Tell how many whole shares a score is worth, negative for a short one.

    So many that a move of one average true range costs the chosen part of the equity, and of these the score's part.
    """
    at_full = EXACT.divide_int(multiply(equity_usd, target_risk_pct), atr_usd)
    whole = multiply(at_full, score.copy_abs()).to_integral_value(rounding=ROUND_FLOOR)
    if whole.is_zero():
        return ZERO
    return whole if score > ZERO else whole.copy_negate()


class _Sizer:
    def __init__(
        self, equity_usd: Decimal, market: Market, parameters: Parameters, versions: Mapping[str, str]
    ) -> None:
        self._equity, self._market, self._parameters, self._versions = equity_usd, market, parameters, versions
        self.dropped: list[Dropped] = []
        self.unpriced: set[Symbol] = set()

    def target(self, netted: Netted) -> Target | None:
        netting = self._parameters.merge_strategy is Merging.NET
        if netting and netted.score == ZERO:
            self._cancelled_out(netted)
            return None
        view = self._market.view(netted.symbol)
        if view is None:
            self.unpriced.add(netted.symbol)
            days = self._parameters.sizing.max_price_age_days
            self._drop(netted, Reason.NO_PRICE, f"no price of the last {days} days is known")
            return None
        value, origins = self._netted(netted, view) if netting else self._merged(netted, view)
        if value == ZERO and any(origin.shares for origin in origins):
            self._cancelled_out(netted)
            return None
        if value == ZERO:
            self._drop(netted, Reason.BELOW_ONE_SHARE, self._too_dear(netted, view))
            return None
        return Target(
            symbol=netted.symbol, value_usd=value, sized_usd=value, netted=netted, origins=origins, market=view
        )

    def _netted(self, netted: Netted, view: MarketView) -> tuple[Decimal, tuple[Origin, ...]]:
        value = multiply(self._shares(self._equity, netted.score, view), view.price_usd)
        return value, tuple(self._origin(signal, None, view) for signal in netted.signals)

    def _merged(self, netted: Netted, view: MarketView) -> tuple[Decimal, tuple[Origin, ...]]:
        origins = []
        for signal in netted.signals:
            allocated = multiply(self._equity, self._parameters.weights[signal.strategy])
            origins.append(self._origin(signal, self._shares(allocated, signal.score, view), view))
        values = {origin.strategy: origin.value_usd for origin in origins if origin.value_usd is not None}
        return merged_usd(values, self._parameters.merge_strategy), tuple(origins)

    def _shares(self, equity_usd: Decimal, score: Decimal, view: MarketView) -> Decimal:
        return shares_for(
            equity_usd=equity_usd,
            target_risk_pct=self._parameters.sizing.target_risk_pct,
            atr_usd=view.atr_usd,
            score=score,
        )

    def _origin(self, signal: Signal, shares: Decimal | None, view: MarketView) -> Origin:
        return Origin(
            strategy=signal.strategy,
            version=self._versions[signal.strategy],
            score=signal.score,
            weight=self._parameters.weights[signal.strategy],
            shares=shares,
            value_usd=None if shares is None else multiply(shares, view.price_usd),
        )

    def _too_dear(self, netted: Netted, view: MarketView) -> str:
        return (
            f"${plain(self._equity)} at a risk of {plain(self._parameters.sizing.target_risk_pct)} and a score of "
            f"{plain(netted.score)} buy no whole share that moves by ${plain(view.atr_usd)} ({view.atr_source})"
        )

    def _cancelled_out(self, netted: Netted) -> None:
        said = ", ".join(f"{signal.strategy} {plain(signal.score)}" for signal in netted.signals)
        self._drop(netted, Reason.CANCELLED_OUT, f"what is said of it cancels out: {said}")

    def _drop(self, netted: Netted, reason: Reason, text: str) -> None:
        records = tuple(ref for signal in netted.signals for ref in signal.records)
        self.dropped.append(Dropped(strategy=None, symbol=netted.symbol, reason=reason, text=text, records=records))
