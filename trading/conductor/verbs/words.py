"""Words: how the pages of the admin call each verb, and what they say will happen."""

from typing import NamedTuple

from trading.conductor.verbs.requests import Verb


class Words(NamedTuple):
    """A button, and what stands on the page that it leads to."""

    button: str
    title: str
    what_happens: str
    colour: str = "default"


WORDS = {
    Verb.RECHECK_ORDER: Words(
        "Recheck",
        "Recheck an order",
        "The broker is asked how the order stands, ended or not, and what it says is booked: its id, new fills, "
        "its end, or a fill that came late. Nothing is sent and nothing is cancelled.",
    ),
    Verb.RESUME_ORDER: Words(
        "Resume",
        "Take an order up again",
        "The order is taken up at the next turn, as if no try had failed, and its symbol is no longer halted. "
        "What was never sent is sent. What may have been sent is looked for first: at a broker that knows our ids "
        "it is sent under the same id where it is not there; at one that does not, it is not sent again.",
    ),
    Verb.FAIL_ORDER: Words(
        "Fail",
        "End an order that the broker does not have",
        "The broker is asked first, and must answer. Where it has the order, the request is refused and says as "
        "what. Where it does not, the order ends as failed, and its shares are hedged anew by the next order.",
        "danger",
    ),
    Verb.RECONCILE_ORDER: Words(
        "Reconcile",
        "Say which of the broker's orders it is",
        "The broker is asked for the order under the id that you give. Where its side, symbol, shares and time "
        "are this order's, it is this one from then on, and how it stands is booked; otherwise the request is "
        "refused.",
        "warning",
    ),
    Verb.CANCEL_ORDER: Words(
        "Cancel",
        "Cancel an order at the broker",
        "The broker is asked to cancel this order and no other, and how it stands then is booked: what it filled "
        "before stays filled. What is left open is hedged anew; to stop that, turn a kill switch on first.",
        "warning",
    ),
    Verb.BUY: Words(
        "Buy",
        "Buy by hand",
        "An order to buy is placed, whatever the threshold: the risk gate is asked as for every other, it counts "
        "in the position, and the dispatcher sends it. Where the gate lets fewer shares through, the request is "
        "refused and says how many.",
        "success",
    ),
    Verb.SELL: Words(
        "Sell",
        "Sell by hand",
        "An order to sell is placed, whatever the threshold: the risk gate is asked as for every other, it counts "
        "in the position, and the dispatcher sends it. Where the gate lets fewer shares through, the request is "
        "refused and says how many.",
        "danger",
    ),
    Verb.SET_POSITION: Words(
        "Set position",
        "Set a net position",
        "The net is what you say from then on, where fills and orders do not explain it: after a trade at the "
        "broker's own desk, a split or a delivery. No order is placed by it, but the hedger goes by the new net: "
        "past the threshold it hedges at once.",
        "warning",
    ),
    Verb.RESUME_SYMBOL: Words(
        "Resume symbol",
        "Let a symbol be hedged again",
        "The symbol's wait or halt ends, and its refusals so far are forgotten. If its net is past the threshold, "
        "the next hedge is placed within a second. Mend what halted it first.",
    ),
    Verb.DRAIN_BACKLOG: Words(
        "Drain the backlog",
        "Append what waits on the backlog",
        "Every group of events is tried at once, in order, however long it should still wait, as `manage.py "
        "drain_backlog` does. A group that the event store refuses again stays, with its error, and so does what "
        "queues behind it; the request is refused then, and names the first. No event is lost or appended twice.",
    ),
}
