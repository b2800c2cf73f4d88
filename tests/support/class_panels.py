"""The panels beside the stage, as a person uses them: what is written, and who is there."""

from playwright.sync_api import Locator, expect

from tests.support.classroom_page import Visitor


def chat_of(visitor: Visitor) -> Locator:
    """Open the chat, if it is not open, and return its panel."""
    return _panel_of(visitor, "Chat")


def people_of(visitor: Visitor) -> Locator:
    """Open the list of people, if it is not open, and return its panel."""
    return _panel_of(visitor, "People")


def write(visitor: Visitor, text: str) -> None:
    """Write a message and wait until the server has taken it."""
    field = chat_of(visitor).get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")
    expect(field).to_have_value("")


def mark_on(visitor: Visitor, panel: str) -> Locator:
    """Return the button of a panel, whose `data-mark` tells how much is new in it."""
    return visitor.page.locator(f"#{panel.lower()}-button")


def _panel_of(visitor: Visitor, name: str) -> Locator:
    panel = visitor.page.get_by_role("complementary", name=name, exact=True)
    if not panel.is_visible():
        mark_on(visitor, name).click()
    expect(panel).to_be_visible()
    return panel
