"""One's account, as a person reaches it in the page."""

from playwright.sync_api import Locator, expect

from tests.support.classroom_page import Visitor


def open_account(visitor: Visitor) -> None:
    """Go to the account page."""
    visitor.page.get_by_role("link", name="Account", exact=True).click()
    expect(visitor.page.get_by_role("heading", name="Your account")).to_be_visible()


def form_of(visitor: Visitor, name: str) -> Locator:
    """Return a form by its name."""
    return visitor.page.get_by_role("form", name=name, exact=True)
