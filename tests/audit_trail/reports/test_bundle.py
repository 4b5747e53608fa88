"""The compliance bundle: what is in it, that its manifest holds, and that the same rows are the same bytes."""

import io
import json
from datetime import timedelta
from hashlib import sha256
from zipfile import ZipFile

import pytest

from audit_trail.reports.bundle import write_bundle
from tests.audit_trail.decisions.drafts import AT, decided
from tests.audit_trail.decisions.sources import told
from tests.audit_trail.reports.rows import DAY, filled
from tests.support import decided as rows_of
from tests.support import factories as make
from tests.support import ingested
from tests.support.commands import refused, run
from tests.support.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def period():
    """A decision by a record of a run, with calls; one that was filled; a hedge; and what is of another day."""
    ingestion, records = told("a", at=AT - timedelta(hours=1))
    make.api_call(run_id=ingestion.run_id, reference=None, purpose="congress", source="quiverquant")
    decided(records=tuple(records), runs=(ingestion.pk,))
    attempt = filled("100.10", strategy_name="=insider", symbol="MSFT").executions.get()
    rows_of.fill(trade_execution=attempt)
    make.api_call(reference=attempt.client_order_id)
    order = make.order(placed_at=NOON)
    make.api_call(reference=order.client_order_id)
    make.profit_row(at=NOON)
    make.excluded_fill(at=NOON)
    late = DAY.until
    rows_of.execution(trade_decision=rows_of.decision(decided_at=late, known_at=late))
    ingested.run(started_at=late)
    ingested.run_record()
    make.order(placed_at=late)
    make.profit_row(at=late)
    make.api_call()


def written(**asked):
    file = io.BytesIO()
    manifest = write_bundle(file, period=DAY, **asked)
    return manifest, file.getvalue()


def rows_in(content, name):
    with ZipFile(io.BytesIO(content)) as archive:
        return [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]


def test_a_bundle_holds_a_period_and_what_it_rests_on(period):
    manifest, content = written()

    # The one run of the day more is that which brought the record of nobody's decision.
    assert {file.name.removesuffix(".jsonl"): file.rows for file in manifest.files} == {
        "runs": 2,
        "records": 1,
        "decisions": 2,
        "decision_records": 1,
        "decision_runs": 1,
        "planned_days": 0,
        "dropped_candidates": 0,
        "executions": 1,
        "execution_fills": 1,
        "hedge_orders": 1,
        "hedge_fills": 1,
        "hedge_fills_without_profit": 1,
        "calls_of_runs": 1,
        "calls_of_executions": 1,
        "calls_of_hedge_orders": 1,
        "seals": 0,
    }
    (link,), (record,) = rows_in(content, "decision_records"), rows_in(content, "records")
    assert (link["record_id"], link["record_version"], link["record_content"]) == (record["id"], 1, record["content"])
    (execution,) = rows_in(content, "executions")
    assert execution["average_price_usd"] == "100.1"
    assert execution["decision_id"] in {row["decision_id"] for row in rows_in(content, "decisions")}


def test_its_manifest_tells_the_hash_the_rows_and_the_columns_of_each_file(period):
    _, content = written()

    with ZipFile(io.BytesIO(content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.testzip() is None
        assert archive.namelist() == [*(file["name"] for file in manifest["files"]), "manifest.json"]
        for file in manifest["files"]:
            held = archive.read(file["name"])
            lines = [json.loads(line) for line in held.splitlines()]
            assert (sha256(held).hexdigest(), len(held), len(lines)) == (file["sha256"], file["bytes"], file["rows"])
            assert all(sorted(line) == file["columns"] for line in lines)
    assert (manifest["schema"], manifest["schema_version"]) == ("hedgetrail.compliance_bundle", 1)
    assert (manifest["since"], manifest["until"]) == ("2026-03-02T05:00:00Z", "2026-03-03T05:00:00Z")


def test_the_same_rows_are_the_same_bytes(period):
    assert written() == written()


def test_bodies_are_in_it_only_if_they_are_asked_for(period):
    manifest, content = written()
    (call,) = rows_in(content, "calls_of_executions")
    assert (call["request_sha256"], call["request_size_bytes"]) == ("ab" * 32, 30)
    assert "request_body" not in call
    assert not manifest.with_payloads

    _, content = written(with_payloads=True)
    (call,) = rows_in(content, "calls_of_executions")
    assert json.loads(call["request_body"]) == {"symbol": "AAPL", "qty": "1.50"}


def seal(number, at):
    make.seal(number=number, after_number=number, up_to_number=number + 1, sealed_at=f"2026-03-0{at}:00.000000Z")


@pytest.mark.parametrize(
    ("sealed", "found", "whole"),
    [
        ({}, [], False),
        ({1: "2T04:00"}, [], False),
        # The first that is made in the day may cover what was recorded before it; the first after it covers its end.
        ({1: "2T04:00", 2: "2T13:00", 3: "3T04:59"}, [2, 3], False),
        ({1: "2T04:00", 2: "2T13:00", 3: "3T05:00", 4: "3T06:00"}, [2, 3], True),
        ({1: "2T04:00", 2: "3T06:00", 3: "3T07:00"}, [2], True),
    ],
)
def test_the_seals_are_those_over_what_was_recorded_in_the_period(sealed, found, whole):
    for number, at in sealed.items():
        seal(number, at)

    manifest, content = written()

    assert [row["number"] for row in rows_in(content, "seals")] == found
    assert manifest.log.whole is whole


def test_more_rows_take_no_more_statements(period, django_assert_num_queries):
    with django_assert_num_queries(17):  # One a file, one for the ledger's mode, and one that finds the first seal.
        written()
    for _ in range(5):
        filled(symbol=f"S{make.number()}")
    with django_assert_num_queries(17):
        written()


def test_the_command_writes_a_file_once_and_whole(period, tmp_path):
    file = tmp_path / "day.zip"
    asked = ("compliance_bundle", str(file), "--since", "2026-03-02", "--until", "2026-03-02")

    text = run(*asked)

    assert "decisions.jsonl\t2\t" in text
    assert text.endswith("no seal covers it; not all of it is sealed yet\n")
    assert file.read_bytes() == written()[1]
    assert [one.name for one in tmp_path.iterdir()] == ["day.zip"]
    assert "is there already, and was left as it is" in refused(*asked)[1]
    assert "can't be written" in refused("compliance_bundle", str(tmp_path / "none" / "x.zip"))[1]
    assert "expected a day" in refused("compliance_bundle", "x.zip", "--since", "x")[1]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_is_read_as_of_one_moment(tmp_path):
    filled()
    file = io.BytesIO()
    manifest = write_bundle(file, period=DAY)
    assert [one.rows for one in manifest.files if one.name == "executions.jsonl"] == [1]
