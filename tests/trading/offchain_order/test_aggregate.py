"""Offchain order: placed under our id, sent, filled in parts, ended for good; or unknown until the broker is asked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from eventstore.testing import Given, given
from trading.offchain_order.aggregate import (
    ENDS,
    OPEN,
    AlreadyCompleted,
    AlreadyPlaced,
    AlreadySubmitted,
    FilledLess,
    NoShares,
    NotEnded,
    NothingFilled,
    NotPlaced,
    OffchainOrder,
    OrderError,
    OrderState,
)
from trading.offchain_order.commands import (
    Cancel,
    CompleteFill,
    ConfirmSubmission,
    MarkFailed,
    MarkUnknown,
    Migrate,
    Place,
    RecordLateFill,
    Relink,
    StartSubmission,
    UpdatePartialFill,
)
from trading.offchain_order.events import (
    Cancelled,
    Failed,
    FailureKind,
    Filled,
    LateFilled,
    Links,
    Migrated,
    MigratedStatus,
    OutcomeUnknown,
    PartiallyFilled,
    Placed,
    Relinked,
    SubmissionStarted,
    Submitted,
)
from trading.values.sides import Side

AT = datetime(2025, 11, 3, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
HUNDRED = Decimal(100)

PLACE_FACTS = {
    "symbol": "AAPL",
    "shares": HUNDRED,
    "side": Side.BUY,
    "broker": "dry_run",
    "client_order_id": "ht-k3v9x2ab-17-1",
    "attempt": 1,
    "placed_at": AT,
}
PLACE, PLACED = Place(**PLACE_FACTS), Placed(**PLACE_FACTS)
STARTED = SubmissionStarted(sending_at=AT)
SUBMITTED = Submitted(broker_order_id="B-1", accepted_shares=HUNDRED, submitted_at=AT)
UNKNOWN = OutcomeUnknown(reason="no answer came")
FILLED = Filled(shares_filled=HUNDRED, average_price_usd=Decimal("150.50"), filled_at=AT)
CANCELLED = Cancelled(
    shares_filled=Decimal(50), average_price_usd=Decimal(150), reason="by the operator", cancelled_at=AT
)
REJECTED = Failed(
    kind=FailureKind.REJECTED, shares_filled=Decimal(0), average_price_usd=None, error="not tradable", failed_at=AT
)


def partly(filled, price="150"):
    average = None if price is None else Decimal(price)
    return PartiallyFilled(shares_filled=Decimal(filled), average_price_usd=average, partially_filled_at=AT)


def failed(kind, filled="50"):
    return Failed(
        kind=kind, shares_filled=Decimal(filled), average_price_usd=Decimal(150), error="day ended", failed_at=AT
    )


HISTORIES = {
    "nothing": (),
    "placed": (PLACED,),
    "sending": (PLACED, STARTED),
    "unknown": (PLACED, STARTED, UNKNOWN),
    "submitted": (PLACED, STARTED, SUBMITTED),
    "partly": (PLACED, STARTED, SUBMITTED, partly(50)),
    "lost sight of": (PLACED, STARTED, SUBMITTED, partly(50), UNKNOWN),
    "filled": (PLACED, STARTED, SUBMITTED, partly(50), FILLED),
    "cancelled": (PLACED, STARTED, SUBMITTED, partly(50), CANCELLED),
    "expired": (PLACED, STARTED, SUBMITTED, partly(50), failed(FailureKind.EXPIRED)),
    "failed": (PLACED, STARTED, SUBMITTED, partly(50), failed(FailureKind.FAILED)),
    "rejected": (PLACED, STARTED, REJECTED),
}


def order(*events):
    return given(OffchainOrder, "17", *events)


def confirm(broker_order_id="B-1"):
    return ConfirmSubmission(broker_order_id=broker_order_id, accepted_shares=HUNDRED, submitted_at=LATER)


def update(filled, price="150"):
    average = None if price is None else Decimal(price)
    return UpdatePartialFill(shares_filled=Decimal(filled), average_price_usd=average, partially_filled_at=LATER)


def complete(filled, price="150.50"):
    average = None if price is None else Decimal(price)
    return CompleteFill(shares_filled=Decimal(filled), average_price_usd=average, filled_at=LATER)


def cancel(filled, price="150"):
    average = None if price is None else Decimal(price)
    return Cancel(
        shares_filled=Decimal(filled), average_price_usd=average, reason="by the operator", cancelled_at=LATER
    )


def late(filled, price="151"):
    average = None if price is None else Decimal(price)
    return RecordLateFill(shares_filled=Decimal(filled), average_price_usd=average, late_filled_at=LATER)


def fail(error="not tradable", **facts):
    return MarkFailed(error=error, failed_at=LATER, **facts)


def old(status, **facts):
    return {
        "symbol": "AAPL",
        "shares": Decimal("100.5"),
        "side": Side.SELL,
        "broker": "schwab",
        "status": status,
        "placed_at": AT,
    } | facts


COMMANDS = {
    "place": PLACE,
    "migrate": Migrate(**old(MigratedStatus.PENDING)),
    "start": StartSubmission(sending_at=LATER),
    "confirm": confirm(),
    "confirm otherwise": confirm("B-2"),
    "unknown": MarkUnknown(reason="timed out"),
    "update": update(75),
    "complete": complete(100),
    "cancel": cancel(50),
    "fail": fail(),
    "late": late(120),
}

# What each command leads to from each state: an event, a refusal, or nothing, where it is known already.
NOWHERE = {
    "place": Placed,
    "migrate": Migrated,
    "start": NotPlaced,
    "confirm": NotPlaced,
    "confirm otherwise": NotPlaced,
    "unknown": NotPlaced,
    "update": NotPlaced,
    "complete": NotPlaced,
    "cancel": NotPlaced,
    "fail": NotPlaced,
    "late": NotEnded,
}
# The broker's id is not known, so no report can be of this order. It can fail: the broker may have said no.
BEFORE_THE_BROKER = {
    "place": AlreadyPlaced,
    "migrate": AlreadyPlaced,
    "start": None,
    "confirm": Submitted,
    "confirm otherwise": Submitted,
    "unknown": OutcomeUnknown,
    "update": NotPlaced,
    "complete": NotPlaced,
    "cancel": NotPlaced,
    "fail": Failed,
    "late": NotEnded,
}
AT_THE_BROKER = {
    "place": AlreadyPlaced,
    "migrate": AlreadyPlaced,
    "start": AlreadySubmitted,
    # The reference refuses every second confirmation; the same id again is the same news again.
    "confirm": None,
    "confirm otherwise": AlreadySubmitted,
    "unknown": OutcomeUnknown,
    "update": PartiallyFilled,
    "complete": Filled,
    "cancel": Cancelled,
    "fail": Failed,
    "late": NotEnded,
}
ENDED = {
    "place": AlreadyPlaced,
    "migrate": AlreadyPlaced,
    "start": AlreadyCompleted,
    "confirm": None,
    "confirm otherwise": AlreadyCompleted,
    "unknown": AlreadyCompleted,
    "update": AlreadyCompleted,
    "complete": AlreadyCompleted,
    "cancel": AlreadyCompleted,
    "fail": AlreadyCompleted,
    # The only thing that can still happen to it.
    "late": LateFilled,
}
OUTCOMES = {
    "nothing": NOWHERE,
    "placed": BEFORE_THE_BROKER | {"start": SubmissionStarted},
    "sending": BEFORE_THE_BROKER,
    "unknown": BEFORE_THE_BROKER,
    "submitted": AT_THE_BROKER,
    "partly": AT_THE_BROKER,
    # It was found again: that is news.
    "lost sight of": AT_THE_BROKER | {"confirm": Submitted},
    "filled": ENDED,
    "cancelled": ENDED,
    "expired": ENDED,
    "failed": ENDED,
    # The broker never had it, as far as was known: that it has it after all is told, and ends nothing anew.
    "rejected": ENDED | {"confirm": Submitted, "confirm otherwise": Submitted},
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("history", HISTORIES)
def test_every_command_has_its_outcome_in_every_state(history, command):
    decided = order(*HISTORIES[history]).when(COMMANDS[command])

    match OUTCOMES[history][command]:
        case None:
            decided.then()
        case refusal if issubclass(refusal, OrderError):
            decided.then_refused(refusal)
        case event:
            assert [type(one) for one in decided.then_state().events] == [event]


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ("nothing", OrderState.NOT_PLACED),
        ("placed", OrderState.PLACED),
        ("sending", OrderState.SENDING),
        ("unknown", OrderState.UNKNOWN),
        ("submitted", OrderState.SUBMITTED),
        ("partly", OrderState.PARTIALLY_FILLED),
        ("lost sight of", OrderState.UNKNOWN),
        ("filled", OrderState.FILLED),
        ("cancelled", OrderState.CANCELLED),
        ("expired", OrderState.EXPIRED),
        ("failed", OrderState.FAILED),
        ("rejected", OrderState.REJECTED),
    ],
)
def test_an_order_stands_where_its_history_left_it(history, state):
    order(*HISTORIES[history]).then_state(state=state, is_open=state in OPEN, has_ended=state in ENDS)


def test_an_order_is_open_or_has_ended_or_is_not_there():
    assert OPEN | ENDS | {OrderState.NOT_PLACED} == set(OrderState)
    assert not OPEN & ENDS


def test_an_order_is_placed_under_our_id():
    order().when(PLACE).then(PLACED).then_state(
        state=OrderState.PLACED,
        symbol="AAPL",
        side=Side.BUY,
        broker="dry_run",
        requested_shares=100,
        filled_shares=0,
        remaining_shares=100,
        accepted_shares=None,
        client_order_id="ht-k3v9x2ab-17-1",
        attempt=1,
        broker_order_id=None,
        placed_at=AT,
        ended_at=None,
    )


@pytest.mark.parametrize("shares", ["0", "-1"])
def test_an_order_is_for_some_shares(shares):
    order().when(Place(**PLACE_FACTS | {"shares": Decimal(shares)})).then_refused(NoShares)
    order().when(Migrate(**old(MigratedStatus.PENDING, shares=Decimal(shares)))).then_refused(NoShares)


def test_a_submission_is_noted_before_it_is_made_and_confirmed_after():
    order(PLACED).when(StartSubmission(sending_at=AT)).then(STARTED).then_state(
        state=OrderState.SENDING, sending_at=AT, broker_order_id=None
    )
    order(PLACED, STARTED).when(
        ConfirmSubmission(broker_order_id="B-1", accepted_shares=HUNDRED, submitted_at=AT)
    ).then(SUBMITTED).then_state(
        state=OrderState.SUBMITTED, broker_order_id="B-1", accepted_shares=100, submitted_at=AT, sending_at=AT
    )


def test_an_order_found_at_the_broker_is_confirmed_though_nobody_noted_its_sending():
    order(PLACED).when(confirm()).then_state(state=OrderState.SUBMITTED, sending_at=None)


def test_what_was_accepted_is_a_number_of_its_own():
    accepted = Submitted(broker_order_id="B-1", accepted_shares=Decimal(80), submitted_at=AT)

    order(PLACED, STARTED, accepted, partly(50)).then_state(
        requested_shares=100, accepted_shares=80, filled_shares=50, remaining_shares=50
    )


def test_partial_fills_are_cumulative():
    half = order(PLACED, STARTED, SUBMITTED).when(update(50, "150.00"))
    half.then(PartiallyFilled(shares_filled=Decimal(50), average_price_usd=Decimal(150), partially_filled_at=LATER))
    half.then_state(state=OrderState.PARTIALLY_FILLED, filled_shares=50, average_price_usd=150, remaining_shares=50)

    Given(half.state).when(update(75, "150.50")).then_state(
        filled_shares=75, average_price_usd=Decimal("150.5"), remaining_shares=25
    )


def test_the_same_report_again_is_no_news():
    order(*HISTORIES["partly"]).when(update(50)).then()
    order(*HISTORIES["filled"]).when(late(100)).then()
    order(PLACED, STARTED, UNKNOWN).when(MarkUnknown(reason="no answer came")).then()


def test_a_new_reason_not_to_know_is_news():
    order(PLACED, STARTED, UNKNOWN).when(MarkUnknown(reason="timed out")).then(OutcomeUnknown(reason="timed out"))


@pytest.mark.parametrize(
    ("history", "report"),
    [
        ("partly", update(49)),
        ("partly", update("49.999999999")),
        ("partly", complete(49)),
        ("partly", cancel(0)),
        ("partly", fail(shares_filled=Decimal(49))),
        ("submitted", update(-1)),
        ("submitted", complete(-1)),
        ("filled", late(99)),
        ("cancelled", late(49)),
    ],
)
def test_filled_shares_only_grow(history, report):
    order(*HISTORIES[history]).when(report).then_refused(FilledLess)


def test_an_order_is_filled_with_what_the_broker_says_it_filled():
    # The reference completes with a price alone, as if a filled order had filled what it asked for.
    order(*HISTORIES["partly"]).when(complete(100)).then(
        Filled(shares_filled=HUNDRED, average_price_usd=Decimal("150.50"), filled_at=LATER)
    ).then_state(
        state=OrderState.FILLED,
        filled_shares=100,
        remaining_shares=0,
        average_price_usd=Decimal("150.5"),
        broker_order_id="B-1",
        ended_at=LATER,
    )


def test_an_over_fill_counts():
    order(*HISTORIES["submitted"]).when(complete("100.5")).then_state(
        filled_shares=Decimal("100.5"), requested_shares=100, remaining_shares=0
    )


@pytest.mark.parametrize("history", ["submitted", "partly", "lost sight of"])
def test_a_cancelled_order_keeps_what_it_filled(history):
    order(*HISTORIES[history]).when(cancel("62.5")).then_state(
        state=OrderState.CANCELLED,
        filled_shares=Decimal("62.5"),
        remaining_shares=Decimal("37.5"),
        reason="by the operator",
        ended_at=LATER,
    )


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("history", ["placed", "sending", "unknown", "submitted", "partly", "lost sight of"])
def test_an_open_order_can_fail_and_keeps_its_ids_and_what_it_filled(history, kind):
    # The reference drops the broker's id here.
    before = order(*HISTORIES[history]).state

    order(*HISTORIES[history]).when(fail("day ended", kind=kind)).then(
        Failed(
            kind=kind,
            shares_filled=before.filled_shares,
            average_price_usd=before.average_price_usd,
            error="day ended",
            failed_at=LATER,
        )
    ).then_state(
        state=OrderState(kind.value),
        filled_shares=before.filled_shares,
        broker_order_id=before.broker_order_id,
        client_order_id="ht-k3v9x2ab-17-1",
        reason="day ended",
        ended_at=LATER,
    )


def test_the_last_word_of_a_failed_order_may_bring_a_last_fill():
    order(*HISTORIES["partly"]).when(
        fail(kind=FailureKind.EXPIRED, shares_filled=Decimal(60), average_price_usd=Decimal("150.1"))
    ).then_state(state=OrderState.EXPIRED, filled_shares=60, average_price_usd=Decimal("150.1"))


def test_an_unknown_order_is_found_again():
    order(*HISTORIES["lost sight of"]).when(confirm()).then_state(
        state=OrderState.SUBMITTED, reason=None, filled_shares=50
    )
    # A report of it is as good as a confirmation.
    order(*HISTORIES["lost sight of"]).when(update(50)).then_state(state=OrderState.PARTIALLY_FILLED, reason=None)


def test_an_ended_order_fills_late():
    order(*HISTORIES["cancelled"]).when(late(70)).then(
        LateFilled(shares_filled=Decimal(70), average_price_usd=Decimal(151), late_filled_at=LATER)
    ).then_state(
        state=OrderState.CANCELLED,
        filled_shares=70,
        average_price_usd=151,
        reason="by the operator",
        ended_at=AT,
        remaining_shares=30,
    )


def test_a_rejected_order_that_filled_after_all_is_counted():
    order(*HISTORIES["rejected"]).when(late(100)).then_state(state=OrderState.REJECTED, filled_shares=100)


@pytest.mark.parametrize(
    ("report", "average"),
    [
        # A price is of the shares that it came with: more of them without a price have none.
        (update(75, None), None),
        (complete(100, None), None),
        (cancel(75, None), None),
        # And where no share came, the price that was known is known.
        (complete(50, None), 150),
        (cancel(50, None), 150),
        (fail(), 150),
        (fail(shares_filled=Decimal(50)), 150),
        (fail(shares_filled=Decimal(60)), None),
        (complete(100, "150.5"), Decimal("150.5")),
    ],
)
def test_a_price_is_of_the_shares_that_it_came_with(report, average):
    order(*HISTORIES["partly"]).when(report).then_state(average_price_usd=average)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (old(MigratedStatus.PENDING), {"state": OrderState.PLACED, "filled_shares": 0, "ended_at": None}),
        (
            old(MigratedStatus.SUBMITTED, broker_order_id="B-1"),
            {"state": OrderState.SUBMITTED, "broker_order_id": "B-1", "filled_shares": 0, "ended_at": None},
        ),
        (
            old(
                MigratedStatus.FILLED,
                broker_order_id="B-1",
                average_price_usd=Decimal("150.25"),
                executed_at=LATER,
            ),
            {
                "state": OrderState.FILLED,
                "filled_shares": Decimal("100.5"),
                "average_price_usd": Decimal("150.25"),
                "ended_at": LATER,
                "remaining_shares": 0,
            },
        ),
        (
            old(MigratedStatus.FAILED, broker_order_id="B-1", executed_at=LATER, error="insufficient funds"),
            # The reference drops the broker's id and writes one text for every reason.
            {
                "state": OrderState.FAILED,
                "filled_shares": 0,
                "broker_order_id": "B-1",
                "reason": "insufficient funds",
                "ended_at": LATER,
            },
        ),
        # The reference writes "unknown" for a missing id and 0 for a missing price; here what is not known is not
        # known.
        (
            old(MigratedStatus.SUBMITTED),
            {"state": OrderState.SUBMITTED, "broker_order_id": None, "average_price_usd": None},
        ),
        (
            old(MigratedStatus.FILLED),
            {"state": OrderState.FILLED, "broker_order_id": None, "average_price_usd": None, "ended_at": None},
        ),
        (old(MigratedStatus.FAILED), {"state": OrderState.FAILED, "reason": None, "ended_at": None}),
    ],
)
def test_a_migrated_order_is_in_the_state_it_was_in(facts, state):
    order().when(Migrate(**facts)).then(Migrated(**facts)).then_state(
        requested_shares=Decimal("100.5"),
        side=Side.SELL,
        broker="schwab",
        client_order_id=None,
        placed_at=AT,
        **state,
    )


@pytest.mark.parametrize(
    ("facts", "command", "outcome"),
    [
        (old(MigratedStatus.PENDING), COMMANDS["start"], SubmissionStarted),
        (old(MigratedStatus.PENDING), confirm(), Submitted),
        (old(MigratedStatus.SUBMITTED, broker_order_id="B-1"), update(50), PartiallyFilled),
        (old(MigratedStatus.SUBMITTED, broker_order_id="B-1"), complete("100.5"), Filled),
        # It is at the broker, but nobody knows as what: its id first.
        (old(MigratedStatus.SUBMITTED), complete("100.5"), NotPlaced),
        (old(MigratedStatus.SUBMITTED), confirm(), Submitted),
        (old(MigratedStatus.FILLED), complete("100.5"), AlreadyCompleted),
        (old(MigratedStatus.FAILED), fail(), AlreadyCompleted),
        (old(MigratedStatus.FAILED), late(1), LateFilled),
    ],
)
def test_a_migrated_order_goes_on_from_there(facts, command, outcome):
    decided = order(Migrated(**facts)).when(command)

    if issubclass(outcome, OrderError):
        decided.then_refused(outcome)
    else:
        assert [type(event) for event in decided.then_state().events] == [outcome]


quantities = st.sampled_from([Decimal(text) for text in ("-1", "0", "0.5", "50", "75", "100", "100.5")]) | st.decimals(
    min_value=0, max_value=200, places=60
)
eighths = st.integers(0, 10).map(lambda count: count * Decimal("12.5"))
prices = st.none() | st.decimals(min_value=1, max_value=1000, places=4)
moments = st.sampled_from([AT, LATER])
reasons = st.sampled_from(["timed out", "no answer came"])
filled = {"shares_filled": quantities | eighths, "average_price_usd": prices}
commands = st.one_of(
    st.builds(lambda shares: Place(**PLACE_FACTS | {"shares": shares}), quantities),
    st.builds(StartSubmission, sending_at=moments),
    st.builds(
        ConfirmSubmission,
        broker_order_id=st.sampled_from(["B-1", "B-1", "B-2"]),
        accepted_shares=quantities,
        submitted_at=moments,
    ),
    st.builds(MarkUnknown, reason=reasons),
    st.builds(UpdatePartialFill, partially_filled_at=moments, **filled),
    st.builds(CompleteFill, filled_at=moments, **filled),
    st.builds(Cancel, reason=reasons, cancelled_at=moments, **filled),
    st.builds(
        MarkFailed,
        error=reasons,
        failed_at=moments,
        kind=st.sampled_from(FailureKind),
        shares_filled=st.none() | quantities,
        average_price_usd=prices,
    ),
    st.builds(RecordLateFill, late_filled_at=moments, **filled),
    st.builds(
        lambda status, shares, id: Migrate(**old(status, shares=shares, broker_order_id=id)),
        st.sampled_from(MigratedStatus),
        quantities,
        st.none() | st.just("B-1"),
    ),
)
events = st.one_of(
    *(st.sampled_from(history) for history in HISTORIES.values() if history),
    st.builds(
        lambda status, filled: Migrated(**old(status, shares=filled)), st.sampled_from(MigratedStatus), quantities
    ),
    st.builds(LateFilled, late_filled_at=moments, **filled),
)


@settings(deadline=None, max_examples=300)
@for_all(st.sampled_from(sorted(HISTORIES)), st.lists(commands, min_size=1, max_size=20))
def test_any_commands_end_in_events_or_a_refusal(history, commands):
    told = order(*HISTORIES[history])
    for command in commands:
        decided = told.when(command)

        assert decided.error is None or isinstance(decided.error, OrderError)
        before, after = told.state, decided.state
        # Filled shares never shrink, an end is final, and what names the order is never lost.
        assert after.filled_shares >= before.filled_shares >= 0
        assert not before.has_ended or after.state is before.state
        assert not before.has_ended or after.ended_at == before.ended_at
        assert before.broker_order_id in (None, after.broker_order_id)
        if before.state is not OrderState.NOT_PLACED:
            assert after.client_order_id == before.client_order_id
            assert after.requested_shares == before.requested_shares > 0
            assert after.state is not OrderState.NOT_PLACED
        assert after.remaining_shares == max(after.requested_shares - after.filled_shares, 0)
        told = Given(after)


@settings(deadline=None)
@for_all(st.lists(events, max_size=10))
def test_any_events_make_a_state(events):
    assert order(*events).state.order_id == 17


def test_a_fill_of_nothing_is_no_fill():
    order(*HISTORIES["submitted"]).when(update(0, None)).then_refused(NothingFilled)
    order(*HISTORIES["submitted"]).when(complete(0, None)).then_refused(NothingFilled)


def test_a_price_that_comes_after_its_shares_is_news():
    unpriced = order(PLACED, STARTED, SUBMITTED, partly(50, None))
    unpriced.when(update(50, "150")).then_state(filled_shares=50, average_price_usd=150)
    unpriced.when(update(50, None)).then()

    ended = Filled(shares_filled=HUNDRED, average_price_usd=None, filled_at=AT)
    order(PLACED, STARTED, SUBMITTED, ended).when(late(100)).then_state(filled_shares=100, average_price_usd=151)


# What the rows keep of an order besides its state


def test_what_stands_behind_an_order_is_replaced_and_is_no_matter_of_its_state():
    standing = Links(unallocated_shares=HUNDRED, unallocated_cause="set")

    placed = order(PLACED)
    placed.when(Relink(standing=standing)).then(Relinked(standing=standing)).then_state(
        state=OrderState.PLACED, requested_shares=HUNDRED
    )
    order().when(Relink(standing=standing)).then_refused(NotPlaced)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (MigratedStatus.SENDING, OrderState.SENDING),
        (MigratedStatus.UNKNOWN, OrderState.UNKNOWN),
        (MigratedStatus.PARTIALLY_FILLED, OrderState.PARTIALLY_FILLED),
        (MigratedStatus.CANCELLED, OrderState.CANCELLED),
        (MigratedStatus.REJECTED, OrderState.REJECTED),
        (MigratedStatus.EXPIRED, OrderState.EXPIRED),
    ],
)
def test_an_order_of_our_own_tables_is_migrated_with_all_that_it_is(status, state):
    whole = old(
        status,
        broker_order_id="B-1",
        client_order_id="ht-k3v9x2ab-17-1",
        attempt=2,
        accepted_shares=HUNDRED,
        filled_shares=Decimal(30),
        sending_at=AT,
        submitted_at=LATER,
    )

    order().when(Migrate(**whole)).then(Migrated(**whole)).then_state(
        state=state,
        client_order_id="ht-k3v9x2ab-17-1",
        attempt=2,
        accepted_shares=HUNDRED,
        filled_shares=30,
        sending_at=AT,
        submitted_at=LATER,
    )


def test_less_than_nothing_was_never_filled():
    order().when(Migrate(**old(MigratedStatus.FILLED, filled_shares=Decimal(-1)))).then_refused(FilledLess)
