"""The pins: requirements.txt, requirements-dev.txt and [tool.uv] constraint-dependencies say the same.

uv.lock names the registry that it was made from, so it is not committed. These three are what makes an install
repeatable: pip reads the requirements, uv the constraints. `python -m tests.pins` compares them, `.ci/pin` writes them.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def disagreements(project: Path = PROJECT) -> list[str]:
    """Say, line by line, where the three files disagree, which pins have no hash, and what names a host."""
    runtime = pins((project / "requirements.txt").read_text())
    everything = pins((project / "requirements-dev.txt").read_text())
    constraints = set(
        tomllib.loads((project / "pyproject.toml").read_text())["tool"]["uv"].get("constraint-dependencies", [])
    )
    # What development needs everywhere, the product may need on some systems only: the version is the same.
    versions = {version(pin) for pin in everything}
    return [
        *(
            f"requirements.txt pins {pin}, requirements-dev.txt does not"
            for pin in sorted(runtime)
            if version(pin) not in versions
        ),
        *(
            f"requirements-dev.txt pins {pin}, constraint-dependencies does not"
            for pin in sorted(everything - constraints)
        ),
        *(
            f"constraint-dependencies pins {pin}, requirements-dev.txt does not"
            for pin in sorted(constraints - everything)
        ),
        *(
            f"{name}: {problem}"
            for name in ("requirements.txt", "requirements-dev.txt")
            for problem in problems((project / name).read_text())
        ),
    ]


def pins(requirements: str) -> set[str]:
    """Return `name==version` or `name==version ; marker` of each requirement."""
    lines = requirements.replace("\\\n", " ").splitlines()
    return {line.partition(" --hash")[0].strip() for line in lines if re.match(r"[a-z0-9]", line)}


def version(pin: str) -> str:
    """Return `name==version` without its marker."""
    return pin.partition(" ;")[0]


def problems(requirements: str) -> list[str]:
    lines = requirements.replace("\\\n", " ").splitlines()
    return [
        *(f"no hash: {line}" for line in lines if re.match(r"[a-z0-9]", line) and "--hash=sha256:" not in line),
        *(
            f"names a host: {line}"
            for line in lines
            if "://" in line or re.match(r"\s*(-i|--\w*index|--find-links)", line)
        ),
    ]


if __name__ == "__main__":
    found = disagreements()
    print("\n".join([*found, "Run .ci/pin to write all three again."]) if found else "The pins agree.")
    sys.exit(1 if found else 0)
