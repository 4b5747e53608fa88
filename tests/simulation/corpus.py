"""The corpus: schedules in which something was once violated. They are played again in CI, for ever."""

from pathlib import Path

FILE = Path(__file__).with_name("once_failed.txt")


def once_failed() -> list[tuple[str, str, int]]:
    """The world, the broker and the seed of each."""
    lines = [line.partition("#")[0].split() for line in FILE.read_text().splitlines()]
    return [(world, broker, int(seed)) for world, broker, seed in filter(None, lines)]
