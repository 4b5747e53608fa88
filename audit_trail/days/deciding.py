"""Deciding: a day is gathered and planned, and what is meant is stored as decisions before anybody acts on it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
from django.db import transaction

from audit_trail.days.drafting import PORTFOLIO, asked_name, drafts_of
from audit_trail.days.gathering import gather
from audit_trail.days.keeping import Asked, keep
from audit_trail.days.models import PlannedDay
from audit_trail.days.past import gather_past
from audit_trail.decisions.storing import Stored, store, traded_account
from audit_trail.strategies.parameters import Parameters
from audit_trail.strategies.planning import plan
from audit_trail.strategies.plans import Plan, Refused
from audit_trail.strategies.strategy import Registry
from trading.brokers.port import Broker
from trading.market_hours.calendar import NEW_YORK


class NotAlone(ValueError):
    """One strategy of several can't decide by itself: it would sell what the others hold."""


def of_one(name: str, parameters: Parameters) -> Parameters:
    """The parameters with which one strategy alone is asked."""
    others = {
        other: msgspec.structs.replace(one, enabled=other == name) for other, one in parameters.strategies.items()
    }
    return msgspec.structs.replace(parameters, strategies=others)


def plan_day(
    broker: Broker,
    name: str,
    *,
    parameters: Parameters,
    registry: Registry,
    clock: Callable[[], datetime],
    at: datetime | None = None,
) -> Plan | Refused:
    """Plan what one strategy, or the portfolio of all that are enabled, would do now, and store nothing.

    With a time, what they would have done then. Raises NoSuchStrategy, NoAccount, BrokerUnavailable.
    """
    if name != PORTFOLIO:
        registry.of(name)
        parameters = of_one(name, parameters)
    if at is None:
        situation = gather(broker, parameters=parameters, registry=registry, clock=clock)
    else:
        situation = gather_past(broker, parameters=parameters, registry=registry, at=at)
    return plan(situation, parameters=parameters, registry=registry)


def decide(planned: Plan, *, broker: Broker, parameters: Parameters, registry: Registry) -> Stored:
    """Store what is planned, all or nothing, with what was left out. Raises NotAlone, NotADraft, NoAccount."""
    asked, enabled = {one.strategy for one in planned.heard}, set(parameters.weights)
    if asked != enabled:
        raise NotAlone(
            f"expected all that are enabled ({', '.join(sorted(enabled))}) to be asked together, was "
            f"{', '.join(sorted(asked))} alone, which would sell what the others hold: decide for {PORTFOLIO}, or look "
            "at it with --plan"
        )
    account = traded_account(broker.name)
    name = asked_name(planned.heard)
    return store(
        drafts_of(planned, registry=registry),
        account=account,
        trading_day=planned.as_of.astimezone(NEW_YORK).date(),
        decided_at=planned.as_of,
        beside=partial(keep, planned, Asked(name=name, account=account, environment=parameters.environment)),
    )


def keep_refusal(refused: Refused, name: str, *, broker: Broker, parameters: Parameters) -> PlannedDay:
    """Keep that nothing was decided, and why. Raises NoAccount."""
    asked = Asked(name=name, account=traded_account(broker.name), environment=parameters.environment)
    with transaction.atomic(durable=True):
        return keep(refused, asked)
