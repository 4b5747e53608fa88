"""A rationale says why, exactly; one that does not is refused."""

import json
from decimal import Decimal

import pytest

from audit_trail.decisions.rationale import NotARationale, rationale
from tests.audit_trail.decisions.drafts import WHY, why


def test_a_rationale_is_read_from_its_parts_and_written_with_every_digit():
    read = rationale({**WHY, "signal_strength": "0.1234567890123456789012"})

    written = json.loads(read.as_text(data_lineage={"ingestion_runs": []}))

    assert written == {
        **WHY,
        "signal_strength": "0.1234567890123456789012",
        "data_lineage": {"ingestion_runs": []},
    }


def test_numbers_may_be_decimals_whole_numbers_and_texts():
    read = rationale({**WHY, "signal_strength": 7, "confidence_score": Decimal("0.5")})

    assert (read.signal_strength, read.confidence_score) == (Decimal(7), Decimal("0.5"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source_data": {}}, "source data"),
        ({"market_context": {}}, "market context"),
        ({"portfolio_context": {}}, "portfolio context"),
        ({"trigger_event": " "}, "trigger event"),
        ({"trigger_event": None}, "trigger_event"),
        ({"signal_strength": "-1"}, "signal strength"),
        ({"signal_strength": "NaN"}, "signal strength"),
        ({"signal_strength": "1000000000"}, "signal strength"),
        ({"signal_strength": 8.5}, "the float 8.5"),
        ({"confidence_score": "1.01"}, "confidence"),
        ({"market_context": {"current_price": 200.1}}, "rationale.market_context.current_price, was the float 200.1"),
        ({"source_data": {"prices": [1, 2.5]}}, "source_data.prices[1]"),
        ({"source_data": {"when": object()}}, "JSON"),
        ({"source_data": {"text": "x" * 70_000}}, "at most 65536 characters"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_rationale_that_does_not_say_why_is_refused(change, told):
    with pytest.raises(NotARationale, match=r".*") as refused:
        rationale({**WHY, **change}).as_text()
    assert told in str(refused.value)


@pytest.mark.parametrize("missing", sorted(WHY))
def test_no_part_may_be_left_out(missing):
    with pytest.raises(NotARationale, match=missing):
        rationale({name: value for name, value in WHY.items() if name != missing})


def test_an_empty_rationale_is_refused():
    with pytest.raises(NotARationale):
        rationale({})


def test_strengths_are_ordered_to_the_millionth():
    assert (
        why(signal_strength=Decimal("0.000002")).strength_order
        > why(signal_strength=Decimal("0.000001")).strength_order
    )
    assert why(signal_strength=Decimal("999999999.9999999")).strength_order == 999_999_999_999_999
