"""Pages: each that the sidebar and the desk link to, and how the tests and the tour call it."""

import re
from dataclasses import dataclass
from typing import Any

from config.admin_site import UNFOLD


@dataclass(frozen=True)
class Page:
    """A page that an operator can open from where he is."""

    group: str
    title: str
    address: str

    @property
    def name(self) -> str:
        """Its name as a file."""
        words = self.address.removeprefix("/admin/") if self.address != "/admin/" else "admin"
        return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "desk"


def sidebar() -> list[Page]:
    """Every page that the sidebar links to, in its order."""
    groups: list[dict[str, Any]] = UNFOLD["SIDEBAR"]["navigation"]
    return [Page(group["title"], item["title"], str(item["link"])) for group in groups for item in group["items"]]


def groups() -> dict[str, list[Page]]:
    found: dict[str, list[Page]] = {}
    for page in sidebar():
        found.setdefault(page.group, []).append(page)
    return found
