"""The audit: whether anything that is pinned has a known vulnerability.

python -m tests.audit

`uv audit` holds each version of uv.lock, which are the pins of requirements-dev.txt, against the advisories of
https://osv.dev. Ends with 1 where one is vulnerable. Where nobody can be asked nothing is known, which is said and is
no failure: a machine without a way out builds all the same.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TOOL = ("uv", "audit", "--frozen", "--output-format=json", "--preview-features=audit-command,json-output")
LONGEST_SECONDS = 300

UNREACHABLE = re.compile(r"Request failed|error sending request|HTTP status (server|client) error", re.IGNORECASE)
HAS_NO_AUDIT = re.compile(r"unrecognized subcommand 'audit'|unexpected argument|invalid value", re.IGNORECASE)


class NotAudited(Exception):
    """Nobody could be asked, so nothing is known. The message says why."""


class UnclearAnswer(Exception):
    """The tool failed, or its answer is not what it used to be. Look at it before anything is merged."""


@dataclass(frozen=True)
class Finding:
    """A pinned version that is vulnerable."""

    pin: str
    advisory: str
    summary: str
    fixed_in: tuple[str, ...]
    link: str

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed yet"
        return f"{self.pin}: {self.advisory}: {self.summary} ({fixed}; {self.link})"


@dataclass(frozen=True)
class Audit:
    """What the tool found of so many packages; a status is told of one that is withdrawn or not kept up any more."""

    packages: int
    findings: tuple[Finding, ...]
    statuses: tuple[str, ...]


def audit(project: Path = PROJECT, *, service_url: str | None = None) -> Audit:
    """Ask the tool. Raises NotAudited, UnclearAnswer."""
    asked = [*TOOL, *([f"--service-url={service_url}"] if service_url else [])]
    try:
        done = subprocess.run(asked, cwd=project, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    except FileNotFoundError:
        raise NotAudited("there is no uv on this machine") from None
    except subprocess.TimeoutExpired:
        raise NotAudited(f"uv said nothing for {LONGEST_SECONDS} s") from None
    if done.stdout.strip():
        return read(done.stdout)
    said = "; ".join(" ".join(line.split()) for line in done.stderr.splitlines() if line.strip()) or "nothing"
    if HAS_NO_AUDIT.search(said):
        raise NotAudited(f"this uv can't audit ({said[:400]})")
    if UNREACHABLE.search(said):
        raise NotAudited(f"no advisories can be asked for ({said[:400]})")
    raise UnclearAnswer(f"uv ended with {done.returncode} and said: {said[:2000]}")


def read(answer: str) -> Audit:
    """Read what the tool answered. Raises UnclearAnswer, also where its sums are not those of its lists."""
    try:
        told = json.loads(answer)
        findings = tuple(_finding(each) for each in told["vulnerabilities"])
        statuses = tuple(json.dumps(each, sort_keys=True) for each in told["adverse_statuses"])
        packages, count = int(told["summary"]["audited_packages"]), int(told["summary"]["vulnerabilities"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnclearAnswer(f"expected uv's JSON ({type(error).__name__}: {error}), was {answer[:500]!r}") from error
    if count != len(findings) or packages < 1:
        raise UnclearAnswer(f"uv says {count} vulnerabilities of {packages} packages, and lists {len(findings)}")
    return Audit(packages, findings, statuses)


def _finding(told: dict) -> Finding:
    package = told["dependency"]
    names = [told["id"], *told["aliases"]]
    return Finding(
        pin=f"{package['name']}=={package['version']}",
        advisory=" ".join(names),
        summary=told["summary"] or "without a summary",
        fixed_in=tuple(told["fix_versions"]),
        link=told["link"] or "no link",
    )


def main() -> int:
    try:
        found = audit()
    except NotAudited as error:
        print(f"NOT AUDITED: {error}")
        return 0
    except UnclearAnswer as error:
        print(error)
        return 2
    for line in (*found.statuses, *found.findings):
        print(line)
    print(f"{len(found.findings)} known vulnerabilities in {found.packages} packages")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
