"""Answers: what a broker's answer brought is told where the answer came, and nothing else is moved."""

from datetime import timedelta

from audit_trail.payloads.models import ApiCallLog
from config.desk.stories.answers import where_answered
from config.desk.stories.entries import Entry
from tests.support.factories import NOON


def after(seconds):
    return NOON + timedelta(seconds=seconds)


def step(kind, seconds):
    return Entry(at=after(seconds), kind=kind, sentence="")


def call(purpose, sent, ended):
    return ApiCallLog(purpose=purpose, sent_at=after(sent), ended_at=None if ended is None else after(ended))


def told(steps, *calls):
    ours, brought = where_answered(steps, calls)
    return [(one.kind, (one.at - NOON).total_seconds()) for one in (*ours, *brought)]


def test_a_submission_is_told_when_the_last_of_its_calls_was_answered():
    steps = [step("submission started", 0), step("submitted", 0)]

    assert told(steps, call("find", 0.1, 0.2), call("submit", 0.3, 0.9)) == [
        ("submission started", 0),
        ("submitted", 0.9),
    ]


def test_a_fill_is_told_when_the_look_that_found_it_was_answered():
    steps = [step("submitted", 0), step("filled", 5)]
    calls = (call("submit", 0.1, 0.2), call("report", 2, 2.1), call("report", 5.1, 5.3))

    assert told(steps, *calls) == [("submitted", 0.2), ("filled", 5.3)]


def test_what_was_found_in_a_list_of_all_orders_stays_at_its_turn():
    assert told([step("filled", 5)], call("report", 8, 8.1)) == [("filled", 5)]


def test_a_call_without_an_end_brought_nothing():
    assert told([step("submitted", 0)], call("submit", 0.1, None)) == [("submitted", 0)]
