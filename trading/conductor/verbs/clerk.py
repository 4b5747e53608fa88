"""The clerk: does what operators asked for, one request after another, and keeps what came of each."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog
from django.db import DatabaseError, InterfaceError

from trading.conductor.verbs.draining import drain_now
from trading.conductor.verbs.hand_orders import HandOrders
from trading.conductor.verbs.order_verbs import OrderVerbs
from trading.conductor.verbs.refusal import Refused
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb, finish, take, waiting
from trading.conductor.verbs.symbol_verbs import SymbolVerbs
from trading.values.identifiers import BrokerOrderId, OrderId
from trading.values.quantities import shares
from trading.values.sides import Side
from trading.values.symbols import Symbol

log = structlog.get_logger(__name__)


class Clerk:
    """A station for requests of the admin; commands call `do` themselves."""

    name = "clerk"

    def __init__(self, *, orders: OrderVerbs, by_hand: HandOrders, symbols: SymbolVerbs) -> None:
        self._orders, self._by_hand, self._symbols = orders, by_hand, symbols

    def run_once(self, *, now: datetime) -> bool:
        """Do what has waited longest. Return whether there was anything.

        One in a turn, since it is begun by the turn's clock: one that seems to have begun long ago is held to be lost.
        """
        requests = waiting(now=now)
        if requests:
            self.do(requests[0], now=now)
        return bool(requests)

    def do(self, request: OperatorRequest, *, now: datetime) -> OperatorRequest:
        """Do one request, unless another process does. What can't be done is refused, with the reason."""
        return carry_out(request, self._done, now=now)

    def _done(self, request: OperatorRequest, now: datetime) -> str:
        actor, said = request.actor, request.said
        match Verb(request.verb):
            case Verb.RECHECK_ORDER:
                return self._orders.recheck(_number(request), actor=actor, now=now)
            case Verb.RESUME_ORDER:
                return self._orders.resume(_number(request), actor=actor, now=now)
            case Verb.FAIL_ORDER:
                return self._orders.fail(
                    _number(request),
                    none_of_them=said.get("none_of_them") == "yes",
                    actor=actor,
                    reason=request.reason,
                    asked_at=request.asked_at,
                    now=now,
                )
            case Verb.RECONCILE_ORDER:
                theirs = BrokerOrderId(said["broker_order_id"])
                return self._orders.reconcile(_number(request), theirs, actor=actor, now=now)
            case Verb.CANCEL_ORDER:
                return self._orders.cancel(_number(request), actor=actor, now=now)
            case Verb.RESUME_SYMBOL | Verb.SET_POSITION:
                return self._symbols.do(request, now)
            case Verb.DRAIN_BACKLOG:
                return drain_now(now=now)
            case Verb.BUY | Verb.SELL:
                return self._by_hand.place(
                    Side.BUY if request.verb == Verb.BUY else Side.SELL,
                    Symbol(request.subject),
                    shares(said["shares"]),
                    may_raise=said.get("may_raise") == "yes",
                    actor=actor,
                    reason=request.reason,
                    now=now,
                )


def carry_out(
    request: OperatorRequest, how: Callable[[OperatorRequest, datetime], str], *, now: datetime
) -> OperatorRequest:
    """Do one request, unless another process does, and keep what came of it.

    Whatever else goes wrong is raised, and stands in the request too: nobody is left to wait for it.
    """
    if not take(request, now=now):
        request.refresh_from_db()
        return request
    try:
        outcome, state = how(request, now), RequestState.DONE
    except Refused as refusal:
        outcome, state = str(refusal), RequestState.REFUSED
    except Exception as error:
        with suppress(DatabaseError, InterfaceError):  # Without a database it is refused five minutes later.
            said = f"it ended with {type(error).__name__}: {error}. Look how it stands now, and ask again"
            finish(request, RequestState.REFUSED, said, now=now)
        raise
    finish(request, state, outcome, now=now)
    log.info(
        "Operator's request",
        verb=request.verb,
        subject=request.subject,
        actor=request.actor,
        reason=request.reason,
        state=state,
        outcome=outcome,
    )
    return request


def _number(request: OperatorRequest) -> OrderId:
    return OrderId(int(request.subject))
