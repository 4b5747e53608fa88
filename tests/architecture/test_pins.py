"""What is installed by pip and what is installed by uv is the same, to the hash."""

import shutil

from tests.architecture.source import PROJECT
from tests.pins import disagreements


def test_the_pins_of_pip_and_of_uv_agree():
    assert disagreements() == [], "run .ci/pin"


def test_a_pin_that_is_missing_unhashed_or_tied_to_a_host_is_found(tmp_path):
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    change(tmp_path / "requirements-dev.txt", "django==5.2.", "django==5.1.")
    change(
        tmp_path / "requirements.txt", "# Written", "--index-url https://index.example.com\nleft-pad==1.0\n# Written"
    )

    found = disagreements(tmp_path)

    assert any(line.startswith("requirements.txt pins django==5.2.") for line in found)
    assert any(line.startswith("requirements-dev.txt pins django==5.1.") for line in found)
    assert any(line.startswith("constraint-dependencies pins django==5.2.") for line in found)
    assert "requirements.txt: no hash: left-pad==1.0" in found
    assert "requirements.txt: names a host: --index-url https://index.example.com" in found


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
