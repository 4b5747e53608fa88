"""The schema of the API: it says everything, it says what is so, and clients can be made of it."""

import importlib
import json
import subprocess
import sys

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.api import scopes
from tests.config.api_rows import a_stream, one_of_each
from tests.support import factories as make
from tests.support.api import reader, token_for


@pytest.fixture(scope="module")
def schema():
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))


def operations(schema):
    return [(path, method, one) for path, verbs in schema["paths"].items() for method, one in verbs.items()]


def test_the_schema_is_sound(schema):
    validate_schema(schema)
    assert schema["openapi"] == "3.1.1"


def test_every_operation_is_described_with_an_example_and_its_scope(schema):
    for path, method, one in operations(schema):
        where = f"{method} {path}"
        assert one["summary"], where
        assert "A token needs `" in one["description"], where
        # Reports are long; docs show them whole.
        assert "/reports/" in path or "examples" in one["responses"]["200"]["content"]["application/json"], where
        assert all(parameter.get("description") for parameter in one.get("parameters", [])), where


def test_every_operation_tells_of_its_problems(schema):
    for path, _, one in operations(schema):
        for status in ("400", "401", "403", "404", "405", "429"):
            assert "application/problem+json" in one["responses"][status]["content"], path


def test_every_scope_that_is_asked_for_can_be_given(schema):
    for path, _, one in operations(schema):
        needed = one["description"].partition("A token needs ")[2].replace("`", "").rstrip(".").split(" and ")
        assert set(needed) <= set(scopes()), path


def test_no_two_operations_have_one_name(schema):
    names = [one["operationId"] for _, _, one in operations(schema)]
    assert len(names) == len(set(names))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_no_request_that_the_schema_allows_or_forbids_breaks_what_it_says(django_user_model, schema):
    one_of_each(3)
    a_stream()
    user = django_user_model.objects.create_superuser("fuzzer")
    token = token_for(user, *(scope for scope in scopes()))
    loaded = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/?format=json", get_wsgi_application(), headers=let_in(token)
    )

    found = [failed for result in loaded.get_all_operations() if (failed := tried_out(result.ok(), token))]

    assert not found, "\n\n".join(found)


def tried_out(operation, token):
    """Ask what an operation allows, and what it does not; return what it answered otherwise than it says."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=strategies.one_of(operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE)))
    def tried(case):
        # Which parameters go together, and which cursors are ours, is more than a schema can say.
        case.call_and_validate(headers=let_in(token), excluded_checks=[positive_data_acceptance])

    try:
        tried()
    except BaseExceptionGroup as failures:
        return f"{operation.label}: {failures.exceptions}"
    return None


def let_in(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_a_client_made_of_the_schema_reads_what_is_there(client, live_server, schema, tmp_path, monkeypatch):
    program = reader(client)
    make.order(id=7, symbol="AAPL", shares="1.000000000000000001")
    make.notice()
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "schema.json", "--meta", "none"]

    made = subprocess.run(
        [*command, "--output-path", "hedgetrail_client", "--fail-on-warning"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    maker = importlib.import_module("hedgetrail_client")
    get_order = importlib.import_module("hedgetrail_client.api.orders.get_order")
    list_orders = importlib.import_module("hedgetrail_client.api.orders.list_orders")
    with maker.AuthenticatedClient(base_url=live_server.url, token=token_for(program.user, "orders:read")) as asking:
        order = get_order.sync(7, client=asking)
        page = list_orders.sync(client=asking, symbol="AAPL")
        missing = get_order.sync(8, client=asking)
    assert (order.order, order.shares) == (7, "1.000000000000000001")
    assert [one.order for one in page.results] == [7]
    assert (missing.status, missing.code) == (404, "not_found")
