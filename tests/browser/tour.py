"""Tour: every page with its picture and one sentence.

python -m tests.browser.tour

It starts an installation, opens each page, and writes docs/tour.md and the pictures in docs/tour/ anew.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page as Tab

from tests.browser.child import PROJECT, running
from tests.browser.chromium import started
from tests.browser.pages import groups
from tests.browser.signing import sign_in

TOUR, PICTURES = PROJECT / "docs" / "tour.md", PROJECT / "docs" / "tour"
SEED, CHIEF = 7, "demo"
SMALL, QUALITY = 0.6, 55
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
HEAD = """# A tour of the pages

Every page of the desk and of the admin, as the demo fills them. `python -m tests.browser.tour` takes the pictures anew
and writes this page; a test holds that no page is missing.
"""


class Stop(NamedTuple):
    """A page on the tour."""

    name: str
    title: str
    sentence: str
    address: str
    """Where it is, or where a link to it is found."""

    links: tuple[str, ...] = ()
    """The links to follow from there, of each kind the first."""


TO_SYMBOL, TO_ROW, TO_ORDER = "#board a[href^='/symbols/']", "#result_list a[href*='/change/']", "a[href^='/orders/']"
TO_DECISION = "main a[href^='/decisions/']:not([href*='?'])"
DESK = (
    Stop(
        "desk",
        "The desk",
        "Whether money is at risk, which symbol is most exposed and since when, whether every fill of today is hedged, "
        "and all that is under way.",
        "/",
    ),
    Stop(
        "desk-symbol",
        "A symbol",
        "How it stands, whether each of its fills of today is hedged and by which order, and all that became of it.",
        "/",
        (TO_SYMBOL,),
    ),
    Stop(
        "desk-order",
        "An order",
        "What it hedges, each step that it took, what was sent to the broker and what came back, and why it failed.",
        "/admin/trading/offchaintrade/",
        (TO_ROW, TO_ORDER),
    ),
    Stop(
        "desk-failed",
        "Failed trades",
        "What failed, was rejected or denied, or is unknown, and why, the newest first.",
        "/failed/",
    ),
    Stop(
        "desk-decisions",
        "Decisions to look at",
        "Decisions that failed, are unknown, are blocked, were left over, or were executed in part.",
        "/decisions/",
    ),
    Stop(
        "desk-decision",
        "A decision",
        "Why it was made, the records that it rests on as they were received, its attempts at the broker, and why it "
        "failed.",
        "/decisions/",
        (TO_DECISION,),
    ),
)
REPORTS = {
    "/admin/reports/day/": "What a day of the market brought: runs, decisions, failures, hedges and notices.",
    "/admin/reports/symbol/": "All about a symbol in a period: data, decisions, executions, and hedges beside them.",
    "/admin/reports/strategies/": "What strategies decided, what came of it, and how good their signals were.",
    "/admin/reports/failures/": "What failed: by reason, symbol, weekday, hour and day, and in which words.",
    "/admin/reports/known/": "What was known, decided, held and hedged at a moment, and nothing that came later.",
    "/admin/reports/trade/": "What data led to a trade, from the run to the fill.",
    "/admin/reports/storage/": "How much the audit trail holds, and whether old payloads may be purged.",
}
OF_OTHERS = {
    "django_q.schedule": "What is done at which times, as the list of schedules says.",
    "django_q.ormq": "Tasks that wait for a worker.",
    "django_q.success": "Tasks that were done, with what they answered.",
    "django_q.failure": "Tasks that failed, with what they said.",
    "auth.user": "Who may sign in, and in which role.",
    "auth.group": "The roles, and what each may do.",
    "axes.accesslog": "Who signed in and out, when and from where.",
    "axes.accessattempt": "Who was refused, and who is locked out for a while.",
}


def stops() -> dict[str, list[Stop]]:
    """Every page, under the heading where it stands in the tour."""
    told = {"The desk": list(DESK)}
    for group, pages in groups().items():
        of_admin = [page for page in pages if page.address.startswith("/admin/")]
        told[group] = [Stop(page.name, page.title, sentence(page.address), page.address) for page in of_admin]
    return told


def sentence(address: str) -> str:
    """What a page of the admin shows, in the words of its model."""
    if address in REPORTS:
        return REPORTS[address]
    from django.apps import apps

    app, model = address.removeprefix("/admin/").strip("/").split("/")
    if f"{app}.{model}" in OF_OTHERS:
        return OF_OTHERS[f"{app}.{model}"]
    said = apps.get_model(app, model).__doc__ or ""
    return " ".join(said.split("\n\n")[0].split())


def written() -> str:
    """The text of the tour."""
    lines = [HEAD]
    for group, found in stops().items():
        lines.append(f"## {group}\n")
        for stop in found:
            lines += [f"### {stop.title}\n", f"{stop.sentence}\n", f"![{stop.title}](tour/{stop.name}.jpg)\n"]
            if stop.name == "desk":
                lines.append("![The desk on a phone, in the dark](tour/desk-phone.jpg)\n")
    return "\n".join(lines)


def take(tab: Tab, stop: Stop) -> None:
    tab.goto(stop.address)
    for link in stop.links:
        tab.goto(str(tab.locator(link).first.get_attribute("href")))
    tab.wait_for_load_state("networkidle")
    _picture(tab, stop.name)


def main() -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.jpg"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, started() as browser, running(Path(folder), seed=SEED) as child:
        with browser.new_context(base_url=child.url, viewport=DESKTOP, device_scale_factor=SMALL) as context:
            tab = context.new_page()
            sign_in(tab, CHIEF, child.password)
            for found in stops().values():
                for stop in found:
                    take(tab, stop)
            signed_in = context.storage_state()
        with browser.new_context(
            base_url=child.url, viewport=PHONE, color_scheme="dark", storage_state=signed_in
        ) as context:
            tab = context.new_page()
            tab.goto("/")
            tab.wait_for_load_state("networkidle")
            _picture(tab, "desk-phone")
    TOUR.write_text(written())
    return 0


def _picture(tab: Tab, name: str) -> None:
    tab.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=QUALITY)


if __name__ == "__main__":
    sys.exit(main())
