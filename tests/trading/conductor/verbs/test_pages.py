"""The pages on which an operator asks: looking changes nothing, sending asks once, and the clerk does it."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.support.books import books
from tests.support.made_chain import know_tokens, log_of, take
from tests.support.stations import MODES, Clock, Stations
from tests.support.venue import Venue
from tests.trading.admin.pages import links_in, list_of, page_of, text_of
from trading.brokers.orders import OrderStatus
from trading.brokers.outcomes import OutcomeUnknown
from trading.conductor.verbs.pages import ask_path
from trading.conductor.verbs.requests import OperatorRequest, RequestState, Verb
from trading.conductor.work import StationHeartbeat, SymbolWait, halt
from trading.ledger.mode import Mode
from trading.ledger.tables import OffchainTrade, TradeAccumulator
from trading.offchain_order.aggregate import OrderState
from trading.offchain_order.view import OffchainOrderView
from trading.position.view import PositionView
from trading.values.symbols import Symbol

pytestmark = pytest.mark.django_db

AAPL = Symbol("AAPL")
CHANGES = re.compile(r"^\s*(INSERT|UPDATE|DELETE|REPLACE)", re.IGNORECASE)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def venue(clock):
    return Venue(clock)


@pytest.fixture
def stations(clock, venue):
    """Stations that wait with an order to buy 2 AAPL."""
    return stations_in(Mode.DUAL, clock, venue)


def stations_in(mode, clock, venue):
    know_tokens("tAAPL")
    stations = Stations(mode=mode, clock=clock, broker=venue)
    stations.fill(log_of(take("SELL", "2.5", "tAAPL", usdc="500"), block=100))
    return stations


def form_of(client, verb, *subjects):
    """Open the page of a verb. Return where it is, and what its form says before anybody typed."""
    path = ask_path(verb, [str(subject) for subject in subjects])
    answer = client.get(path)
    assert answer.status_code == 200
    key = re.search(r'name="form_key" value="([^"]+)"', answer.content.decode())
    return path, {"form_key": key.group(1)}


def send(client, verb, *subjects, reason="to see", **said):
    path, form = form_of(client, verb, *subjects)
    return client.post(path, form | {"reason": reason} | said)


def do(stations):
    """Let the clerk do what waits. Return the newest request."""
    stations.run(stations.clerk)
    books(stations.ledger)
    return OperatorRequest.objects.order_by("-pk").first()


def errors_of(answer):
    assert answer.status_code == 200
    return {name: list(errors) for name, errors in answer.context["form"].errors.items()}


def lost(stations, *, taken):
    stations.broker.fail("submit", OutcomeUnknown("no answer"), taken=taken)
    stations.hedge()
    assert stations.only_order().state is OrderState.UNKNOWN


# From the page to what is done.


@pytest.mark.parametrize("mode", MODES)
def test_what_a_page_asks_for_is_done_by_the_clerk_and_shown(admin_client, clock, venue, mode):
    stations = stations_in(mode, clock, venue)
    stations.hedge()
    venue.tell(OrderStatus.FILLED, "2")

    answer = send(admin_client, Verb.RECHECK_ORDER, 1, reason=" the broker's page says filled ")

    waiting = OperatorRequest.objects.get()
    assert answer.headers["Location"] == page_of(waiting)
    assert (waiting.state, waiting.actor, waiting.reason) == ("waiting", "admin", "the broker's page says filled")
    assert stations.only_order().state is OrderState.SUBMITTED
    page = admin_client.get(page_of(waiting))
    assert page.headers["Refresh"] == "2"
    assert "waiting" in text_of(page)

    row = do(stations)

    assert row.state == RequestState.DONE
    assert stations.only_order().state is OrderState.FILLED
    page = admin_client.get(page_of(row))
    assert "Refresh" not in page.headers
    for said in ("done", "2 of 2 shares filled", "admin", "the broker's page says filled"):
        assert said in text_of(page).replace("&#x27;", "'")


def test_each_verb_for_an_order_is_asked_for_as_its_command_asks(admin_client, stations):
    lost(stations, taken=False)

    for verb, said, kept in (
        (Verb.RESUME_ORDER, {}, {}),
        (Verb.RECONCILE_ORDER, {"broker_order_id": " V-7 "}, {"broker_order_id": "V-7"}),
        (Verb.CANCEL_ORDER, {}, {}),
        (Verb.FAIL_ORDER, {"none_of_them": "on"}, {"none_of_them": "yes"}),
    ):
        assert send(admin_client, verb, 1, **said).status_code == 302
        row = OperatorRequest.objects.order_by("-pk").first()
        assert (row.verb, row.subject, row.said) == (verb, "1", kept)

    row = do(stations)
    assert (row.verb, row.state) == ("fail_order", RequestState.DONE)
    order = stations.only_order()
    assert (order.state, order.reason) == (OrderState.FAILED, "failed by admin: to see")


def test_an_order_by_hand_is_placed_to_the_last_digit(admin_client, clock):
    venue = Venue(clock, fractional_digits=9)
    stations = stations_in(Mode.DUAL, clock, venue)

    assert send(admin_client, Verb.BUY, AAPL, shares=" 1.000000001 ").status_code == 302

    assert OperatorRequest.objects.get().said == {"shares": "1.000000001", "may_raise": "no"}
    assert do(stations).state == RequestState.DONE
    assert stations.hedges() == ["BUY 1.000000001 AAPL"]


def test_an_order_by_hand_that_would_raise_what_is_open_is_confirmed(admin_client, stations):
    send(admin_client, Verb.SELL, AAPL, shares="1")
    refused = do(stations)
    assert refused.state == RequestState.REFUSED
    assert "--may-raise" in text_of(admin_client.get(page_of(refused)))
    assert "--may-raise" in text_of(admin_client.get(ask_path(Verb.SELL, ["AAPL"])))

    send(admin_client, Verb.SELL, AAPL, shares="1", may_raise="on")
    assert do(stations).state == RequestState.DONE


def test_a_position_is_set_with_the_operators_name_on_the_event(admin_client, stations):
    send(admin_client, Verb.SET_POSITION, AAPL, net="-0.25", reason="a split")

    assert do(stations).outcome == "AAPL: net -0.25 from now on (-2.5 before)"
    assert stations.net("AAPL") == Decimal("-0.25")
    events = reverse("admin:eventstore_storedevent_timeline", args=["Position", "AAPL"])
    assert {"admin", "PositionSet"} <= set(text_of(admin_client.get(events)).split())


def test_several_symbols_are_resumed_with_one_reason(admin_client, stations, clock):
    for name in ("AAPL", "BRK.B"):
        halt(Symbol(name), "looked at", now=clock())

    answer = send(admin_client, Verb.RESUME_SYMBOL, "AAPL", "BRK.B", "AAPL")

    assert answer.headers["Location"] == list_of("trading.operatorrequest")
    assert sorted(OperatorRequest.objects.values_list("subject", flat=True)) == ["AAPL", "BRK.B"]
    do(stations)
    assert not SymbolWait.objects.exists()


# The clerk judges.


def test_what_can_not_apply_is_said_so_before_and_refused_by_the_clerk(admin_client, stations):
    stations.hedge()
    stations.broker.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.hedge()

    page = text_of(admin_client.get(ask_path(Verb.FAIL_ORDER, ["1"])))
    assert "it would be refused: order 1 is filled; only an open order can be failed" in page

    assert send(admin_client, Verb.FAIL_ORDER, 1).status_code == 302
    row = do(stations)
    assert (row.state, row.outcome) == (RequestState.REFUSED, "order 1 is filled; only an open order can be failed")
    assert stations.only_order().state is OrderState.FILLED


@pytest.mark.parametrize("model", [OffchainTrade, OffchainOrderView])
def test_an_orders_page_offers_what_can_apply(admin_client, stations, model):
    stations.run(stations.hedger)
    assert offered(admin_client, model) == {"recheck_order", "resume_order", "reconcile_order", "fail_order"}

    stations.hedge()
    assert offered(admin_client, model) == {"recheck_order", "resume_order", "cancel_order", "fail_order"}

    stations.broker.tell(OrderStatus.FILLED, "2")
    stations.forward(1)
    stations.hedge()
    assert offered(admin_client, model) == {"recheck_order"}


@pytest.mark.parametrize("model", [TradeAccumulator, PositionView])
def test_a_positions_page_offers_what_can_apply(admin_client, stations, model):
    assert offered(admin_client, model) == {"buy", "sell", "set_position"}

    halt(AAPL, "looked at", now=stations.clock())
    assert offered(admin_client, model) == {"buy", "sell", "set_position", "resume_symbol"}
    assert offered(admin_client, SymbolWait) == {"resume_symbol"}

    send(admin_client, Verb.BUY, AAPL, shares="1")
    do(stations)
    assert offered(admin_client, model) == {"resume_symbol"}


def offered(client, model):
    page = client.get(page_of(model.objects.get())).content.decode()
    return set(re.findall(r'href="/admin/trading/operatorrequest/ask/([a-z_]+)/\?subject=', page))


def test_a_row_that_can_not_be_read_offers_nothing_and_is_shown(admin_client, stations):
    stations.hedge()
    OffchainOrderView.objects.update(detailed_status="eaten")

    assert offered(admin_client, OffchainOrderView) == set()


# What was typed wrong.


@pytest.mark.parametrize(
    ("verb", "subject", "said", "wrong"),
    [
        (Verb.RECHECK_ORDER, 1, {"reason": " "}, {"reason": ["expected a reason, was empty"]}),
        (Verb.BUY, AAPL, {"shares": "1,5"}, {"shares": ["expected a number of shares, was '1,5'"]}),
        (Verb.BUY, AAPL, {"shares": "-1"}, {"shares": ["expected more than 0 shares, was -1"]}),
        (Verb.SET_POSITION, AAPL, {"net": "NaN"}, {"net": ["expected a number of shares, was 'NaN'"]}),
        (
            Verb.RECONCILE_ORDER,
            1,
            {"broker_order_id": "", "reason": ""},
            {
                "broker_order_id": ["expected the broker's id of the order, was ''"],
                "reason": ["expected a reason, was empty"],
            },
        ),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(admin_client, stations, verb, subject, said, wrong):
    stations.run(stations.hedger)

    answer = send(admin_client, verb, subject, **{"reason": "as typed"} | said)

    assert errors_of(answer) == wrong
    for name, typed in ({"reason": "as typed"} | said).items():
        assert answer.context["form"][name].value() == typed
        assert typed in answer.content.decode()
    assert not OperatorRequest.objects.exists()


@pytest.mark.parametrize("key", ["", "short", "x" * 44, "' OR 1=1 --aaaaaaaaaaa"])
def test_a_form_that_no_page_made_asks_for_nothing_and_can_be_sent_again(admin_client, stations, key):
    stations.run(stations.hedger)
    path, _ = form_of(admin_client, Verb.RECHECK_ORDER, 1)

    answer = admin_client.post(path, {"form_key": key, "reason": "to see"})

    assert "was not made here" in errors_of(answer)["form_key"][0]
    assert not OperatorRequest.objects.exists()
    mended = answer.context["form"]["form_key"].value()
    assert admin_client.post(path, {"form_key": mended, "reason": "to see"}).status_code == 302


# Once.


def test_a_page_that_is_sent_twice_asks_once(admin_client, stations):
    path, form = form_of(admin_client, Verb.BUY, AAPL)
    form |= {"reason": "to see", "shares": "1"}

    first, second = admin_client.post(path, form), admin_client.post(path, form)

    row = OperatorRequest.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == page_of(row)
    assert "It was not asked for again" in text_of(admin_client.get(page_of(row)))
    do(stations)
    admin_client.post(path, form)
    do(stations)
    assert stations.hedges() == ["BUY 1 AAPL"]


def test_a_page_that_is_sent_again_with_other_words_asks_for_nothing_until_that_is_meant(admin_client, stations):
    path, form = form_of(admin_client, Verb.BUY, AAPL)
    admin_client.post(path, form | {"reason": "to see", "shares": "1"})

    answer = admin_client.post(path, form | {"reason": "to see", "shares": "2"})

    (said,) = errors_of(answer)["__all__"]
    assert "buy AAPL was asked for then" in said
    assert 'value="2"' in answer.content.decode()
    assert OperatorRequest.objects.get().said["shares"] == "1"
    again = {"form_key": answer.context["form"]["form_key"].value(), "reason": "to see", "shares": "2"}
    assert admin_client.post(path, again).status_code == 302
    assert OperatorRequest.objects.count() == 2


# Looking.


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.DRAIN_BACKLOG])
def test_looking_at_a_page_writes_nothing(admin_client, stations, verb):
    stations.run(stations.hedger)
    subject = "1" if verb.endswith("_order") else "AAPL"

    with CaptureQueriesContext(connection) as captured:
        answer = admin_client.get(ask_path(verb, [subject]))
        admin_client.head(ask_path(verb, [subject]))

    assert answer.status_code == 200
    assert [query["sql"] for query in captured if CHANGES.match(query["sql"])] == []
    assert "AAPL" in text_of(answer)
    assert set(links_in(answer)) & {"/admin/trading/offchaintrade/?id__exact=1", LINK_OF_AAPL}


LINK_OF_AAPL = "/admin/trading/tradeaccumulator/?symbol__exact=AAPL"


@pytest.mark.parametrize(
    ("verb", "subjects"),
    [
        ("nonsense", ["1"]),
        ("recheck_order", []),
        ("recheck_order", ["99"]),
        ("recheck_order", ["x"]),
        ("recheck_order", [str(number) for number in range(1, 52)]),
        ("fail_order", ["1", "2"]),
        ("buy", ["A B"]),
        ("buy", ["AAPL", "TSLA"]),
    ],
)
def test_a_page_that_is_about_nothing_is_not_there(admin_client, verb, subjects):
    place = f"/admin/trading/operatorrequest/ask/{verb}/"

    assert admin_client.get(place, {"subject": subjects}).status_code == 404
    assert admin_client.post(f"{place}?{'&'.join(f'subject={s}' for s in subjects)}", {}).status_code == 404
    assert not OperatorRequest.objects.exists()


def test_who_waits_is_told_when_nobody_does_it(admin_client, stations):
    stations.run(stations.hedger)
    send(admin_client, Verb.RECHECK_ORDER, 1)
    row = OperatorRequest.objects.get()
    assert "no conductor&#x27;s clerk had its turn" in text_of(admin_client.get(page_of(row)))

    StationHeartbeat.objects.create(station="clerk", process="here:1", last_turn_at=timezone.now())
    assert "had its turn" not in text_of(admin_client.get(page_of(row)))


# Who may ask.


@pytest.fixture
def clerk_user(client, django_user_model):
    user = django_user_model.objects.create_user("bob", is_staff=True)
    client.force_login(user)
    return user


def let(user, *rights):
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="trading", codename__in=rights))


def test_who_may_not_change_requests_is_offered_nothing_and_can_ask_for_nothing(client, clerk_user, stations):
    stations.hedge()
    let(clerk_user, "view_operatorrequest", "view_offchaintrade", "change_offchaintrade", "add_operatorrequest")
    path = ask_path(Verb.CANCEL_ORDER, ["1"])

    assert offered(client, OffchainTrade) == set()
    assert "Recheck orders" not in text_of(client.get(list_of("trading.offchaintrade")))
    assert client.get(path).status_code == 403
    assert client.post(path, {"form_key": "k" * 22, "reason": "to see"}).status_code == 403
    assert choose(client, "trading.offchaintrade", "recheck_order", 1).status_code == 403
    assert not OperatorRequest.objects.exists()


def test_who_may_change_requests_asks_under_their_own_name_and_sees_what_came(client, clerk_user, stations):
    stations.hedge()
    let(clerk_user, "change_operatorrequest", "view_offchaintrade")

    assert "cancel_order" in offered(client, OffchainTrade)
    answer = send(client, Verb.CANCEL_ORDER, 1)

    assert do(stations).actor == "bob"
    page = client.get(answer.headers["Location"])
    assert "order 1 is cancelled" in text_of(page)
    row = OperatorRequest.objects.get()
    assert client.post(page_of(row), {"reason": "another"}).status_code == 403
    row.refresh_from_db()
    assert row.reason == "to see"


def test_who_is_not_logged_in_is_sent_to_the_login_and_a_foreign_page_can_not_send(client, admin_user, stations):
    stations.run(stations.hedger)
    path = ask_path(Verb.RECHECK_ORDER, ["1"])
    for answer in (client.get(path), client.post(path, {"form_key": "k" * 22, "reason": "x"})):
        assert answer.headers["Location"].startswith(reverse("admin:login"))

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(path, {"form_key": "k" * 22, "reason": "x"}).status_code == 403
    assert not OperatorRequest.objects.exists()


# From lists.


def choose(client, model, action, *keys, **further):
    return client.post(list_of(model), {"action": action, "_selected_action": keys, "index": "0"} | further)


@pytest.mark.parametrize("model", ["trading.offchaintrade", "trading.offchainorderview"])
def test_chosen_orders_lead_to_one_page_for_all(admin_client, stations, model):
    stations.hedge()
    with CaptureQueriesContext(connection) as captured:
        answer = choose(admin_client, model, "recheck_order", 1)

    assert answer.headers["Location"] == ask_path(Verb.RECHECK_ORDER, ["1"])
    assert [query["sql"] for query in captured if CHANGES.match(query["sql"])] == []


@pytest.mark.parametrize("model", ["trading.tradeaccumulator", "trading.positionview", "trading.symbolwait"])
def test_chosen_symbols_lead_to_one_page_for_all(admin_client, stations, model):
    halt(AAPL, "looked at", now=stations.clock())
    (key,) = (
        row.pk
        for shown in (TradeAccumulator, PositionView, SymbolWait)
        for row in shown.objects.all()
        if row._meta.label_lower == model
    )

    assert choose(admin_client, model, "resume_symbol", key).headers["Location"] == ask_path(
        Verb.RESUME_SYMBOL, ["AAPL"]
    )


def test_nothing_else_can_be_posted_to_a_list(admin_client, stations):
    stations.hedge()
    for action in ("delete_selected", "fail_order", ""):
        assert choose(admin_client, "trading.offchaintrade", action, 1).status_code == 403
    assert choose(admin_client, "trading.notice", "recheck_order", 1).status_code == 403


def test_the_books_link_to_what_was_asked_for(admin_client, stations):
    stations.hedge()
    send(admin_client, Verb.RECHECK_ORDER, 1)
    send(admin_client, Verb.RESUME_SYMBOL, AAPL)

    for row, subject in ((OffchainTrade.objects.get(), "1"), (TradeAccumulator.objects.get(), "AAPL")):
        link = f"/admin/trading/operatorrequest/?subject__exact={subject}"
        assert link in links_in(admin_client.get(page_of(row)))
        assert [each.subject for each in admin_client.get(link).context["cl"].result_list] == [subject]
