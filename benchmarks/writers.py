"""Writers: four processes that append at once, each to streams of its own. Whoever starts them has made the tables."""

import subprocess
import sys
import time

from benchmarks.figures import Figures
from benchmarks.scratch import Scratch, _django_url

WRITERS, COMMITS = 4, 150
SCRIPT = """
import sys
contender, name, url, raw = sys.argv[1:5]
import os
os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
import django
django.setup()
class Place:
    vendor = "postgresql"
    def url(self, _): return raw
if contender == "floor":
    from benchmarks.contenders import Floor
    append = Floor(Place()).append
elif contender == "ours":
    from benchmarks.contenders import Ours
    append = Ours().append
else:
    from benchmarks.rival import Rival
    append = Rival(Place(), makes_tables=False).append
append(name, 1, 1)
print("ready", flush=True)
sys.stdin.readline()
for version in range(2, COMMITS + 2):
    append(name, version, 1)
print("done", flush=True)
""".replace("COMMITS", str(COMMITS))


def four_writers(databases: Scratch, *, rounds: int) -> Figures:
    """Return the seconds a commit took, over all writers, in each round of each contender."""
    contenders = ["floor", "ours"]
    try:
        import benchmarks.rival  # noqa: F401

        contenders.append("rival")
    except ImportError:
        pass
    seconds: dict[str, list[float]] = {"floor": [], "ours": [], "rival": []}
    for place in range(rounds):
        for contender in contenders:
            seconds[contender].append(round_of(databases, contender, place) / (WRITERS * COMMITS))
    return Figures(**seconds)


def round_of(databases: Scratch, contender: str, place: int) -> float:
    raw = databases.url(contender)
    started = [
        subprocess.Popen(  # noqa: S603  # this program
            [sys.executable, "-c", SCRIPT, contender, f"writer-{place}-{number}", _django_url(raw), raw],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for one in started:
        said(one, "ready")
    began = time.perf_counter()
    for one in started:
        assert one.stdin is not None  # noqa: S101  # it is a pipe
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        said(one, "done")
    taken = time.perf_counter() - began
    for one in started:
        one.communicate()
    return taken


def said(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    line = process.stdout.readline().strip()
    if line != word:
        raise RuntimeError(f"expected {word!r} of a writer, was {line!r}")
