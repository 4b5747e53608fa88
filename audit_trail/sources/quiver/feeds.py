"""Feeds: every kind of record that is fetched from Quiver. A new one is a folder beside the others and a line here."""

from audit_trail.sources.quiver.congress.feed import CONGRESS
from audit_trail.sources.quiver.feed import Feed
from audit_trail.sources.quiver.insiders.feed import INSIDERS

FEEDS: dict[str, Feed] = {feed.task: feed for feed in (CONGRESS, INSIDERS)}
