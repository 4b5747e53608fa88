"""Signing in, as somebody does it at the form."""

from playwright.sync_api import Page


def sign_in(page: Page, user: str, password: str, *, at: str = "/") -> None:
    """Open a page, which asks who it is, and say so."""
    page.goto(at)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
