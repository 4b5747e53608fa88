"""Progress: a bar where somebody looks, and nothing in a log."""

import io

import pytest

from config.progress import progress


class Terminal(io.StringIO):
    def __init__(self, *, is_one):
        super().__init__()
        self.isatty = lambda: is_one


@pytest.mark.parametrize("is_one", [True, False])
def test_a_bar_is_for_a_terminal(is_one, monkeypatch):
    terminal = Terminal(is_one=is_one)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with progress("trades", 4) as tell:
        tell(1)
        tell(3)

    assert ("trades" in terminal.getvalue()) is is_one
