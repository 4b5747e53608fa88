"""The service: where Schwab's API is."""

from urllib.parse import urlsplit

BASE_URL = "https://api.schwabapi.com"


def is_schwab(base_url: str) -> bool:
    """Tell whether this is Schwab itself, where every account is real, and no stand-in for it."""
    return urlsplit(base_url).hostname == urlsplit(BASE_URL).hostname
