"""Planning: a whole day's decision, from records to intended orders, in one pure step; or why there is none."""

from collections import Counter
from collections.abc import Set
from datetime import datetime
from decimal import Decimal

from audit_trail.strategies.asking import Heard, ask
from audit_trail.strategies.guards import (
    Refusal,
    RefusalKind,
    Stance,
    check_account,
    check_positions,
    check_sources,
    stance,
)
from audit_trail.strategies.known import Known
from audit_trail.strategies.limits import limit
from audit_trail.strategies.netting import Netted, net
from audit_trail.strategies.parameters import Parameters
from audit_trail.strategies.plans import IntendedOrder, Plan, Refused, Situation, Summary
from audit_trail.strategies.rationale import rationale, reference_price_usd, trigger
from audit_trail.strategies.rebalancing import Move, rebalance
from audit_trail.strategies.records import PoliticianScore, RecordRef, SourceRun
from audit_trail.strategies.signals import Dropped
from audit_trail.strategies.sizing import size
from audit_trail.strategies.strategy import Registry
from audit_trail.strategies.targets import Target, exposure
from audit_trail.strategies.volatility import RANGES, Market, RangeSource
from trading.values.arithmetic import ZERO, multiply, plain, total
from trading.values.symbols import Symbol


def plan(situation: Situation, *, parameters: Parameters, registry: Registry) -> Plan | Refused:
    """Decide what to trade. The same situation in another order is the same plan."""
    refusals = _guard(situation, parameters, registry)
    if refusals:
        return Refused(as_of=situation.as_of, refusals=refusals)
    known = Known(situation.records, as_of=situation.as_of)
    heard = ask(known, parameters=parameters, registry=registry)
    if failures := _failures(heard):
        return Refused(as_of=situation.as_of, refusals=failures, heard=heard, dropped=_left_out(known, heard))
    return _Planner(situation, parameters, registry, known, heard).plan()


def _guard(situation: Situation, parameters: Parameters, registry: Registry) -> tuple[Refusal, ...]:
    sources = {source for name in parameters.weights for source in registry.of(name).sources}
    return (
        *check_sources(sources, situation.runs, as_of=situation.as_of, safety=parameters.safety),
        *check_account(situation.account, situation.expected_account, as_of=situation.as_of, parameters=parameters),
        *check_positions(situation.positions, as_of=situation.as_of, safety=parameters.safety),
    )


def _failures(heard: tuple[Heard, ...]) -> tuple[Refusal, ...]:
    failed = [one for one in heard if one.failure is not None]
    kind = RefusalKind.ALL_STRATEGIES_FAILED if len(failed) == len(heard) else RefusalKind.STRATEGY_FAILED
    return tuple(
        Refusal(kind=kind, text=f"expected {one.strategy} {one.version} to say something, has failed: {one.failure}")
        for one in failed
    )


def _left_out(known: Known, heard: tuple[Heard, ...]) -> tuple[Dropped, ...]:
    return (*known.dropped, *(dropped for one in heard for dropped in one.dropped))


class _Planner:
    """Goes from signals to orders once every guard was passed."""

    def __init__(
        self,
        situation: Situation,
        parameters: Parameters,
        registry: Registry,
        known: Known,
        heard: tuple[Heard, ...],
    ) -> None:
        self._situation, self._parameters, self._known, self._heard = situation, parameters, known, heard
        self._equity = situation.account.equity_usd or ZERO
        self._positions = situation.positions or ()
        self._blocked = tuple(one for one in situation.blocked if one.holds(situation.as_of))
        self._versions = {one.strategy: one.version for one in heard}
        self._runs = _newest_runs(
            situation, {source for name in self._versions for source in registry.of(name).sources}
        )
        self._scored_from = {score.ref: score.trades for score in known.of(PoliticianScore)}

    def plan(self) -> Plan | Refused:
        netting = net([signal for one in self._heard for signal in one.signals], self._parameters.weights)
        sized = size(
            netting.netted,
            equity_usd=self._equity,
            market=Market(self._known, self._parameters.sizing),
            parameters=self._parameters,
            versions=self._versions,
        )
        left_out = (*_left_out(self._known, self._heard), *netting.dropped, *sized.dropped)
        if netting.netted and len(sized.unpriced) == len(netting.netted):
            text = (
                f"expected prices of what is signalled, found none of {len(netting.netted)}: look whether the broker "
                "quotes them"
            )
            refusal = Refusal(kind=RefusalKind.NO_PRICES, text=text)
            return Refused(as_of=self._situation.as_of, refusals=(refusal,), heard=self._heard, dropped=left_out)
        kept = self._kept(netting.netted, sized.unpriced)
        limited = limit(
            sized.targets,
            equity_usd=self._equity,
            limits=self._parameters.limits,
            blocked=self._blocked,
            taken_usd=total([one.market_value_usd.copy_abs() for one in self._positions if one.symbol in kept]),
        )
        taken = stance(targets=len(limited.targets), parameters=self._parameters)
        if taken is Stance.KEEP:
            kept = {one.symbol: "there is no target at all, which is not taken for a signal" for one in self._positions}
        rebalancing = rebalance(limited.targets, self._positions, kept=kept)
        dropped = (*left_out, *limited.dropped, *rebalancing.dropped)
        return Plan(
            as_of=self._situation.as_of,
            stance=taken,
            orders=tuple(self._order(move) for move in rebalancing.moves),
            targets=limited.targets,
            heard=self._heard,
            dropped=dropped,
            summary=self._summary(netting.netted, sized.targets, limited.targets, dropped),
            findings=self._findings(netting.netted, limited.targets, taken),
        )

    def _kept(self, netted: tuple[Netted, ...], unpriced: Set[Symbol]) -> dict[Symbol, str]:
        """Name what stays as it is: held and still wanted, but blocked or without a price. Unknown is not zero."""
        blocked = {one.symbol: one.reason for one in self._blocked}
        scores = {one.symbol: one.score for one in netted}
        kept = {}
        for position in self._positions:
            symbol = position.symbol
            if multiply(scores.get(symbol, ZERO), position.net_shares) <= ZERO:
                continue
            if symbol in unpriced:
                kept[symbol] = "it is still wanted, and no price of it is known"
            elif symbol in blocked:
                kept[symbol] = f"it is still wanted, and blocked: {blocked[symbol]}"
        return kept

    def _order(self, move: Move) -> IntendedOrder:
        target = move.target
        behind_scores = self._behind_scores(target)
        return IntendedOrder(
            symbol=move.symbol,
            step=move.step,
            side=move.side,
            shares=move.shares,
            notional_usd=move.notional_usd,
            closes_position=move.closes_position,
            may_short=move.may_short,
            reference_price_usd=reference_price_usd(move),
            strength=move.strength,
            trigger=trigger(move),
            strategies=tuple(self._versions if target is None else (origin.strategy for origin in target.origins)),
            origins=() if target is None else target.origins,
            records=() if target is None else target.records,
            score_records=behind_scores,
            price_records=() if target is None else target.market.records,
            runs=self._runs_of(target, behind_scores),
            known_at=self._known_at(target),
            rationale=rationale(move, account=self._situation.account, asked=self._versions),
        )

    def _runs_of(self, target: Target | None, behind_scores: tuple[RecordRef, ...]) -> tuple[int, ...]:
        """The runs that were looked through, and those that brought what it rests on."""
        brought = () if target is None else (*target.records, *behind_scores, *target.market.records)
        runs = {ref.run_id for ref in brought if ref.run_id is not None}
        return tuple(sorted(runs | {run.run_id for run in self._runs}))

    def _behind_scores(self, target: Target | None) -> tuple[RecordRef, ...]:
        """What the scores that it rests on were reckoned from. A score is no row of ours; these are."""
        rests_on = () if target is None else target.records
        found = {trade for ref in rests_on for trade in self._scored_from.get(ref, ())}
        return tuple(sorted(found, key=lambda ref: ref.place))

    def _known_at(self, target: Target | None) -> datetime:
        """That nobody speaks of a symbol was known when the last of the runs had ended."""
        if target is not None:
            return target.known_at
        return max(run.ended_at for run in self._runs if run.ended_at is not None)

    def _summary(
        self,
        netted: tuple[Netted, ...],
        sized: tuple[Target, ...],
        targets: tuple[Target, ...],
        dropped: tuple[Dropped, ...],
    ) -> Summary:
        by_strategy: dict[str, list[Decimal]] = {}
        for origin in (origin for target in sized for origin in target.origins):
            if origin.value_usd is not None:
                by_strategy.setdefault(origin.strategy, []).append(origin.value_usd)
        return Summary(
            signals={one.strategy: len(one.signals) for one in self._heard},
            netted_symbols=len(netted),
            targets=len(targets),
            limited=sum(bool(target.limited_by) for target in targets),
            target_exposure=exposure([target.value_usd for target in targets], self._equity),
            by_strategy_usd={name: total(values) for name, values in sorted(by_strategy.items())},
            dropped=dict(sorted(Counter(one.reason.value for one in dropped).items())),
        )

    def _findings(self, netted: tuple[Netted, ...], targets: tuple[Target, ...], taken: Stance) -> tuple[str, ...]:
        findings = [*self._parameters.warnings]
        findings += [
            f"{one.strategy} makes no signal of {one.candidates} records: see why each was left out"
            for one in self._heard
            if one.candidates and not one.signals
        ]
        findings += [
            f"{one.strategy} had no records to choose among: look at its source"
            for one in self._heard
            if not one.candidates
        ]
        lost = Decimal(len(netted) - len(targets))
        if lost > multiply(Decimal(len(netted)), self._parameters.safety.mostly_dropped_pct):
            findings.append(f"{plain(lost)} of {len(netted)} symbols that were signalled became no target")
        if guessed := sorted(target.symbol for target in targets if target.market.atr_source is not RangeSource.BARS):
            findings.append(
                f"{', '.join(guessed)}: expected {RANGES + 1} daily bars, found fewer, so the size goes by "
                "fallback_atr_pct: ingest bars"
            )
        findings += [
            f"{target.symbol}: expected a bar of each of the last {RANGES + 1} sessions, found none of "
            f"{', '.join(map(str, target.market.missing))}: ingest bars"
            for target in targets
            if target.market.missing and target.market.atr_source is RangeSource.BARS
        ]
        if taken is Stance.KEEP and self._positions:
            findings.append(f"no target at all: {len(self._positions)} positions stay as they are")
        if taken is Stance.LIQUIDATE and self._positions:
            findings.append(f"no target at all: {len(self._positions)} positions are closed")
        return tuple(findings)


def _newest_runs(situation: Situation, sources: set[str]) -> list[SourceRun]:
    known = [run for run in situation.runs if run.source in sources and run.started_at <= situation.as_of]
    newest = {run.source: run for run in sorted(known, key=lambda run: (run.started_at, run.run_id))}
    return [newest[source] for source in sorted(newest)]
