"""Drawn: mutmut on some mutants of a module, in the order in which a seed draws them.

python -P drawn.py COUNT SEED, in a folder that mutmut runs in; -P, so that no module is imported from here. A larger
count with the same seed goes on where a smaller one ended.
"""

import random
import sys
from collections.abc import Sequence
from typing import Any

from mutmut import __main__ as mutmut


def main(count: int, seed: int) -> None:
    collect = mutmut.collect_source_file_mutation_data

    def collect_some(**named: Any) -> tuple[list[Any], dict[str, Any]]:
        tried, by_path = collect(**named)
        chosen = drawn(tried, count=count, seed=seed)
        _forget_others(by_path, {name for _, name, _ in chosen})
        return chosen, by_path

    mutmut.collect_source_file_mutation_data = collect_some
    # By this it sorts them, the fastest first.
    mutmut.estimated_worst_case_time = lambda name: 0.0
    mutmut._run((), 1)


def drawn(tried: Sequence[Any], *, count: int, seed: int) -> list[Any]:
    return random.Random(seed).sample(tried, len(tried))[:count]


def _forget_others(by_path: dict[str, Any], chosen: set[str]) -> None:
    """What another run knows of them would be counted, and was not drawn."""
    for data in by_path.values():
        codes = data.exit_code_by_key
        data.exit_code_by_key = {name: code if name in chosen else None for name, code in codes.items()}
        data.save()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
