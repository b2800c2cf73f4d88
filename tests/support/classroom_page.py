"""The classroom page as a person uses it, for browser tests: one `Visitor` is one independent sign-in."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, WebSocketRoute, expect

Candidates = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
"""Makes other ICE candidates, as signalling has them, of the SFU's."""

MEDIA_WITHIN_MS = 30_000
"""Joining, ICE, DTLS and the first key frame take about a second; a loaded machine may need many."""

MIN_FRAMES = 30
"""Two seconds of the fake camera's 15 to 30 frames a second: more than one key frame that happened to arrive."""

MIN_AUDIO_ENERGY = 1e-6
"""Far below one beep of the fake microphone, far above silence, which adds nothing."""


@dataclass
class Visitor:
    """One person's browser profile and page, signed in as nobody at first.

    It has no slots, since playwright notes the handlers that it is given on the object they belong to.
    """

    name: str
    context: BrowserContext
    page: Page
    console_errors: list[str] = field(default_factory=list)
    sockets: list[WebSocketRoute] = field(default_factory=list)
    lead: Candidates | None = None

    @classmethod
    def arrive(cls, name: str, context: BrowserContext, probes: Path) -> "Visitor":
        """Open an empty page whose media the probes can see."""
        context.add_init_script(path=probes)
        page = context.new_page()
        visitor = cls(name, context, page)
        page.on("console", visitor._on_console)
        page.on("pageerror", lambda error: visitor.console_errors.append(str(error)))
        return visitor

    def sign_in(self, email: str, password: str) -> None:
        """Fill in the sign-in form and send it; what comes then is for the caller to see."""
        form = self.page.get_by_role("form", name="Sign in")
        form.get_by_label("Email").fill(email)
        form.get_by_label("Password").fill(password)
        form.get_by_role("button", name="Sign in").click()

    def sign_up(self, full_name: str, email: str, password: str) -> None:
        """Make an account through the page, which signs in with it."""
        self.page.get_by_role("button", name="Create an account").click()
        form = self.page.get_by_role("form", name="Create an account")
        form.get_by_label("Full name").fill(full_name)
        form.get_by_label("Email").fill(email)
        form.get_by_label("Password").fill(password)
        form.get_by_role("button", name="Create account").click()

    def expect_classes(self) -> None:
        """Wait until the list of classes is there, which takes being signed in."""
        expect(self.page.get_by_role("heading", name="Classes", exact=True)).to_be_visible()

    def create_class(self, name: str) -> str:
        """Create a class from the list of classes and return its id. The page then stands at its door."""
        form = self.page.get_by_role("form", name="New class")
        form.get_by_label("Name of a new class").fill(name)
        form.get_by_role("button", name="Create class").click()
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()
        return self.page.url.rpartition("/")[2]

    def enter(self) -> str:
        """Go in through the door and return one's participant id."""
        self.page.get_by_role("button", name="Join class").click()
        expect(self.page.locator("[data-phase=joined]")).to_be_visible(timeout=MEDIA_WITHIN_MS)
        return self.own_id()

    def own_id(self) -> str:
        """Return the participant id that the page shows as one's own."""
        own = self.page.locator("[data-self=true]").get_attribute("data-participant-id")
        if not own:
            raise AssertionError("the page has no participant id of its own")
        return own

    def tile(self, participant_id: str) -> Locator:
        """Return the tile of a participant."""
        return self.page.locator(f'[data-participant-id="{participant_id}"]')

    def expect_count(self, count: int) -> None:
        """Wait until the page counts so many participants, oneself included, and shows a tile for each."""
        expect(self.page.locator("[data-count]")).to_have_attribute("data-count", str(count))
        expect(self.page.locator("[data-participant-id]")).to_have_count(count)

    def expect_to_see(self, participant_id: str) -> None:
        """Wait until somebody's frames are decoded and the picture moves."""
        expect(self.tile(participant_id)).to_have_attribute("data-camera", "on", timeout=MEDIA_WITHIN_MS)
        expect(self.tile(participant_id).locator("video")).to_be_visible(timeout=MEDIA_WITHIN_MS)
        self._growth("framesDecoded", participant_id, MIN_FRAMES)
        self.page.evaluate("([id, ms]) => testProbes.movement(id, ms)", [participant_id, MEDIA_WITHIN_MS])

    def expect_to_hear(self, participant_id: str) -> None:
        """Wait until audible sound of somebody arrives."""
        expect(self.tile(participant_id)).to_have_attribute("data-muted", "false", timeout=MEDIA_WITHIN_MS)
        self._growth("totalAudioEnergy", participant_id, MIN_AUDIO_ENERGY)

    def expect_height(self, participant_id: str, height: int) -> None:
        """Wait until somebody's picture arrives in frames of this height."""
        arguments: list[Any] = [participant_id, height, MEDIA_WITHIN_MS]
        self.page.evaluate("([id, height, ms]) => testProbes.pictureHeight(id, height, ms)", arguments)

    def expect_standstill(self, participant_id: str) -> None:
        """Wait until nothing more of somebody's picture arrives."""
        self.page.evaluate("([id, ms]) => testProbes.standstill(id, ms)", [participant_id, MEDIA_WITHIN_MS])

    def expect_sending(self, *rids: str) -> None:
        """Wait until one's own camera is encoded in exactly these sizes, named by their RIDs."""
        self.page.evaluate("([rids, ms]) => testProbes.sending(rids, ms)", [list(rids), MEDIA_WITHIN_MS])

    def look_away(self, away: bool) -> None:
        """Hide the page's tab, or show it again."""
        self.page.evaluate("(away) => testProbes.hide(away)", away)

    def change_network(self) -> None:
        """Tell the page that it has another network, and wait until its connections have found a way anew."""
        self.page.evaluate("(ms) => testProbes.restarted(ms)", MEDIA_WITHIN_MS)

    def expect_phases(self, *phases: str) -> None:
        """Wait until the class has gone through exactly these phases, in this order, since it was entered."""
        self.page.evaluate("([phases, ms]) => testProbes.passed(phases, ms)", [list(phases), MEDIA_WITHIN_MS])

    def click(self, name: str) -> None:
        """Press one of the class's buttons by its accessible name."""
        self.page.get_by_role("button", name=name).click()

    def captured(self) -> list[str]:
        """Return which devices the page still holds: "microphone", "camera"."""
        held: list[str] = self.page.evaluate("() => testProbes.captured()")
        return held

    def violations(self) -> list[str]:
        """Return what the content-security policy refused on this page."""
        refused: list[str] = self.page.evaluate("() => testProbes.violations")
        return refused

    def use_camera(self, width: int, height: int, frames_per_s: int) -> None:
        """Give the page, when it is loaded next, pictures of this size from its camera."""
        camera = {"width": width, "height": height, "frameRate": frames_per_s}
        self.context.add_init_script(f"window.testCamera = {json.dumps(camera)};")

    def lead_media(self, lead: Candidates) -> None:
        """Have the page, loaded anew, take for the SFU's ICE candidates what `lead` makes of them."""
        self.lead = lead
        self.make_droppable()

    def make_droppable(self) -> None:
        """Lead the signalling sockets of the page, loaded anew, through the test, so that it can cut them."""
        self.page.route_web_socket("**/ws?*", self._on_socket)
        self.page.reload()

    def drop_socket(self) -> None:
        """Cut the signalling connection as a broken network would: nobody leaves. `make_droppable` comes first."""
        socket = self.sockets[-1]
        socket.close(code=3999, reason="cut by the test")

    def _growth(self, measure: str, participant_id: str, by: float) -> None:
        arguments: list[Any] = [measure, participant_id, by, MEDIA_WITHIN_MS]
        self.page.evaluate("([measure, id, by, ms]) => testProbes.growth(measure, id, by, ms)", arguments)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def _on_socket(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        self.sockets.append(route)
        route.on_close(_closer(server))
        if self.lead is not None:
            server.on_message(_leading(route, self.lead))


@dataclass(frozen=True, slots=True)
class Lesson:
    """A class in session with a teacher and a student in it, and a way to bring more students."""

    room_id: str
    teacher: Visitor
    teacher_id: str
    student: Visitor
    student_id: str
    bring: Callable[[str], Visitor]

    def connect(self) -> None:
        """Wait until both see and hear each other."""
        self.teacher.expect_to_see(self.student_id)
        self.student.expect_to_see(self.teacher_id)
        self.teacher.expect_to_hear(self.student_id)
        self.student.expect_to_hear(self.teacher_id)


def _closer(server: WebSocketRoute) -> Callable[[int | None, str | None], None]:
    def close(code: int | None, reason: str | None) -> None:
        server.close(code=code, reason=reason)

    return close


def _leading(route: WebSocketRoute, lead: Candidates) -> Callable[[str | bytes], None]:
    def pass_on(text: str | bytes) -> None:
        message = json.loads(text)
        if message.get("response") and "iceCandidates" in message.get("data", {}):
            message["data"]["iceCandidates"] = lead(message["data"]["iceCandidates"])
            text = json.dumps(message)
        route.send(text)

    return pass_on
