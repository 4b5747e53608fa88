"""The audit of dependencies: what uv answers is read right, and what was not asked is not taken for sound."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from tests import audit as audits
from tests.architecture.source import PROJECT
from tests.audit import Audit, Finding, NotAudited, UnclearAnswer, audit, main, read

SAMPLE = (PROJECT / "tests" / "support" / "uv_audit.json").read_text()
"""What uv 0.13.9 printed of this project's lock, of an advisory that was made up and served on this machine."""

FOUND = Finding(
    "sqlparse==0.6.1",
    "GHSA-test-0000-0001 CVE-2026-99999",
    "Made up for a test",
    ("9.9.9",),
    "https://example.com/advisory",
)
ADVISORY = {
    "id": "GHSA-test-0000-0001",
    "schema_version": "1.7.3",
    "modified": "2026-11-01T00:00:00Z",
    "published": "2026-10-30T00:00:00Z",
    "aliases": ["CVE-2026-99999"],
    "summary": "Made up for a test",
    "details": "Nothing is wrong.",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "sqlparse"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9.9"}]}],
        }
    ],
    "references": [{"type": "WEB", "url": "https://example.com/advisory"}],
}
LOCK = """version = 1
requires-python = ">=3.11"

[[package]]
name = "audited"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "sqlparse" }}]

[package.metadata]
requires-dist = [{{ name = "sqlparse" }}]

[[package]]
name = "sqlparse"
version = "0.6.1"
source = {{ registry = "{url}/simple" }}
sdist = {{ url = "{url}/sqlparse-0.6.1.tar.gz", hash = "sha256:{zeros}" }}
"""

with_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="there is no uv on this machine")


@pytest.fixture
def service(httpserver):
    """A database of advisories on this machine."""
    httpserver.expect_request("/v1/vulns/GHSA-test-0000-0001").respond_with_json(ADVISORY)
    # Beside the advisories uv asks the index whether a package is withdrawn.
    httpserver.expect_request("/simple/sqlparse/").respond_with_data(status=404)
    return httpserver


@pytest.fixture
def project(tmp_path, service):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "audited"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["sqlparse"]\n'
    )
    (tmp_path / "uv.lock").write_text(LOCK.format(url=service.url_for("").rstrip("/"), zeros="0" * 64))
    return tmp_path


def asked(project, service):
    return audit(project, service_url=service.url_for("/"))


def test_what_uv_printed_is_read():
    assert read(SAMPLE) == Audit(165, (FOUND,), ())
    assert str(FOUND) == (
        "sqlparse==0.6.1: GHSA-test-0000-0001 CVE-2026-99999: Made up for a test "
        "(fixed in 9.9.9; https://example.com/advisory)"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"vulnerabilities": []},
        {"vulnerabilities": None},
        {"vulnerabilities": [{"id": "GHSA-test-0000-0001"}]},
        {"summary": {}},
        {"summary": {"audited_packages": 0, "vulnerabilities": 1}},
        {"summary": {"audited_packages": 165, "vulnerabilities": 2}},
    ],
)
def test_an_answer_that_does_not_add_up_is_not_taken_for_a_sound_one(changed):
    with pytest.raises(UnclearAnswer):
        read(json.dumps({**json.loads(SAMPLE), **changed}))


@pytest.mark.parametrize("answer", ["", "null", "[]", "Found no known vulnerabilities", '{"dependencies": []}'])
def test_an_answer_of_another_kind_is_none(answer):
    with pytest.raises(UnclearAnswer):
        read(answer)


@with_uv
def test_uv_finds_what_the_database_knows_of(project, service):
    service.expect_request("/v1/querybatch").respond_with_json(
        {"results": [{"vulns": [{"id": "GHSA-test-0000-0001", "modified": "2026-11-01T00:00:00Z"}]}]}
    )

    assert asked(project, service) == Audit(1, (FOUND,), ())


@with_uv
def test_uv_finds_nothing_where_the_database_knows_nothing(project, service):
    service.expect_request("/v1/querybatch").respond_with_json({"results": [{}]})

    assert asked(project, service) == Audit(1, (), ())


@with_uv
def test_a_database_that_refuses_is_one_that_was_not_asked(project, service):
    service.expect_request("/v1/querybatch").respond_with_data("no", status=403)

    with pytest.raises(NotAudited, match="403"):
        asked(project, service)


@with_uv
def test_a_database_that_answers_nonsense_and_a_lock_that_is_not_there_are_errors(project, service):
    service.expect_request("/v1/querybatch").respond_with_data("<html>")
    with pytest.raises(UnclearAnswer, match="error decoding response body"):
        asked(project, service)

    (project / "uv.lock").unlink()
    with pytest.raises(UnclearAnswer, match="Unable to find lockfile"):
        asked(project, service)


def test_without_uv_nothing_is_audited_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")

    assert main() == 0
    assert capsys.readouterr().out == "NOT AUDITED: there is no uv on this machine\n"


def told_by(monkeypatch, capsys, outcome):
    def answered():
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(audits, "audit", answered)
    return main(), capsys.readouterr().out.splitlines()


def test_a_vulnerability_ends_it_with_1_and_an_unclear_answer_with_2(monkeypatch, capsys):
    assert told_by(monkeypatch, capsys, read(SAMPLE)) == (1, [str(FOUND), "1 known vulnerabilities in 165 packages"])
    assert told_by(monkeypatch, capsys, Audit(165, (), ("{}",))) == (
        0,
        ["{}", "0 known vulnerabilities in 165 packages"],
    )
    assert told_by(monkeypatch, capsys, NotAudited("why")) == (0, ["NOT AUDITED: why"])
    assert told_by(monkeypatch, capsys, UnclearAnswer("why")) == (2, ["why"])


def test_it_is_a_step_before_the_tests_and_the_linter_looks_for_what_is_unsafe():
    steps = [line for line in Path(PROJECT / ".ci" / "run").read_text().splitlines() if line.startswith("step ")]
    linter = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]

    assert steps.index("step uv run --no-sync python -m tests.audit") < steps.index(
        "step uv run --no-sync python -m tests"
    )
    assert "step uv run --no-sync ruff check" in steps
    assert "S" in linter["select"]
    assert [code for code in linter["ignore"] if code.startswith("S") and not code.startswith("SIM")] == []
