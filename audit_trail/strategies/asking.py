"""Asking: each enabled strategy is asked once. One that fails has said nothing, which is not "nothing to buy"."""

from collections.abc import Iterable

import msgspec

from audit_trail.strategies.known import Known, named
from audit_trail.strategies.parameters import Parameters
from audit_trail.strategies.records import RecordRef
from audit_trail.strategies.signals import Dropped, Opinion, Reason, Signal
from audit_trail.strategies.strategy import Registry, Strategy


class BrokenOpinion(ValueError):
    """What a strategy said breaks a rule that all must keep. Mend the strategy; nothing was decided."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one strategy said, or how it failed."""

    strategy: str
    version: str
    signals: tuple[Signal, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    candidates: int = 0
    """How many records it had to choose among."""

    failure: str | None = None
    """Why nothing came of it; None if it spoke, be it to say that there is nothing."""


def ask(known: Known, *, parameters: Parameters, registry: Registry) -> tuple[Heard, ...]:
    """Ask all that are enabled. They know nothing of each other, and one that fails stops no other."""
    return tuple(_ask(registry.of(name), known, parameters) for name in parameters.weights)


def _ask(strategy: Strategy, known: Known, parameters: Parameters) -> Heard:
    candidates = known.of_kinds(strategy.candidates)
    try:
        opinion = strategy.rule(known, parameters.strategies[strategy.name].params)
        _check(strategy, opinion, known)
    except Exception as error:  # noqa: BLE001  # Whatever it is, it is told, and nothing is decided on the others' words.
        return Heard(
            strategy=strategy.name,
            version=strategy.version,
            candidates=len(candidates),
            failure=f"{type(error).__name__}: {error}",
        )
    return Heard(
        strategy=strategy.name,
        version=strategy.version,
        signals=tuple(sorted(opinion.signals, key=lambda signal: signal.symbol)),
        dropped=(*opinion.dropped, *_unmentioned(strategy, opinion, known)),
        candidates=len(candidates),
    )


def _check(strategy: Strategy, opinion: Opinion, known: Known) -> None:
    symbols = [signal.symbol for signal in opinion.signals]
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise BrokenOpinion(f"expected one signal a symbol, found several of {', '.join(twice)}")
    for signal in opinion.signals:
        if signal.strategy != strategy.name:
            raise BrokenOpinion(f"expected signals of {strategy.name}, found one of {signal.strategy}")
        if unknown := [ref for ref in signal.records if not known.has(ref)]:
            raise BrokenOpinion(
                f"{signal.symbol}: expected a signal to rest on records known as of {known.as_of.isoformat()}, "
                f"found {unknown[0]}"
            )
        if signal.known_at > known.as_of:
            raise BrokenOpinion(
                f"{signal.symbol}: expected what was known as of {known.as_of.isoformat()}, "
                f"was known at {signal.known_at.isoformat()}"
            )


def _unmentioned(strategy: Strategy, opinion: Opinion, known: Known) -> Iterable[Dropped]:
    """A record of which a strategy says nothing is told too, so that none vanishes."""
    said: tuple[Signal | Dropped, ...] = (*opinion.signals, *opinion.dropped)
    mentioned: set[RecordRef] = {ref for each in said for ref in each.records}
    for record in known.of_kinds(strategy.candidates):
        if record.ref not in mentioned:
            yield Dropped(
                strategy=strategy.name,
                symbol=named(record),
                reason=Reason.NOT_USED,
                text=f"{strategy.name} has made nothing of it, and does not say why",
                records=(record.ref,),
            )
