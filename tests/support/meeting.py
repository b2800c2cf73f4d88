"""A teacher and a student who meet in a class, each behind a network of their own."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import ViewportSize

from tests.support.bad_network import BadNetwork
from tests.support.classroom_page import Candidates, Visitor
from tests.support.reception import Reception, Stretch, longest_gap_s

PASSWORD = "Chalk-and-Board-5"
FRAMES_PER_S = 15
SMALL = (320, 180)
"""Sent in one size."""
LARGER = (960, 540)
"""Sent in this size, at 780 kbit/s, and in half of it, at 280."""
ROOMY: ViewportSize = {"width": 1600, "height": 900}
"""A window in which a larger picture is wanted in its full size."""

LIVELY = """
(() => {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);

  function lively() {
    const { width, height, frameRate } = window.testCamera;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    const side = height / 8;
    setInterval(() => {
      for (let n = 0; n < 6; n++) {
        context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
        context.fillRect(Math.random() * width - side / 2, Math.random() * height - side / 2, side, side);
      }
    }, 1000 / frameRate);
    return canvas.captureStream(frameRate).getVideoTracks()[0];
  }

  devices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints);
    for (const track of stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
      stream.addTrack(lively());
    }
    return stream;
  };
})();
"""
"""A picture that takes all the bits it may have, as a lively person's does; the fake camera's takes few."""

SAMPLE_EVERY_MS = 50


@dataclass(frozen=True, slots=True)
class Gaps:
    """The longest times, in seconds, in which nothing came."""

    frames: float
    video: float
    audio: float

    @property
    def longest(self) -> float:
        """The longest of them all."""
        return max(self.frames, self.video, self.audio)

    @classmethod
    def among(cls, samples: Sequence[Reception]) -> "Gaps":
        """Find the longest gaps in a row of looks."""
        return cls(
            frames=longest_gap_s(samples, lambda seen: seen.frames),
            video=longest_gap_s(samples, lambda seen: seen.video_packets),
            audio=longest_gap_s(samples, lambda seen: seen.audio_packets),
        )


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody in the class, and the network between them and the SFU."""

    visitor: Visitor
    id: str
    network: BadNetwork

    def look_at(self, whom: "Seat") -> Reception:
        """Return what has been received of somebody until now."""
        return Reception.of(self.visitor.page.evaluate("(id) => testProbes.reception(id)", whom.id))

    def pass_time(self, seconds: float) -> None:
        """Let the class go on. Unlike sleeping, this lets Playwright pass signalling messages on."""
        self.visitor.page.wait_for_timeout(seconds * 1000)

    def watch(self, whom: "Seat", seconds: float) -> Stretch:
        """Return what is received of somebody from now on for so long."""
        before = self.look_at(whom)
        self.pass_time(seconds)
        return Stretch.between(before, self.look_at(whom))

    def await_picture(self, whom: "Seat", holds: Callable[[Reception], bool], within_s: float) -> float:
        """Wait until what is received of somebody is as wanted; return how many seconds that took."""
        began = time.monotonic()
        while not holds(seen := self.look_at(whom)):
            if time.monotonic() - began > within_s:
                raise AssertionError(f"not within {within_s:.0f} s: {seen}")
            self.pass_time(SAMPLE_EVERY_MS / 1000)
        return time.monotonic() - began

    def ice_credentials(self) -> set[str]:
        """Return the SFU's ICE username fragments that the page's connections use."""
        return set(self.visitor.page.evaluate("() => testProbes.iceCredentials()"))

    @contextmanager
    def sampling(self, whom: "Seat") -> Iterator[list[Reception]]:
        """Look at what is received of somebody many times while the block runs; the looks are there after it."""
        samples: list[Reception] = []
        self.visitor.page.evaluate("([id, ms]) => testProbes.startSampling(id, ms)", [whom.id, SAMPLE_EVERY_MS])
        yield samples
        samples += map(Reception.of, self.visitor.page.evaluate("() => testProbes.samples()"))


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two people who see and hear each other."""

    teacher: Seat
    student: Seat

    def watch(self, seconds: float) -> tuple[Stretch, Stretch]:
        """Return what the teacher and what the student receive in the same so many seconds."""
        before = self._look()
        self.teacher.pass_time(seconds)
        taught, learnt = (Stretch.between(*looks) for looks in zip(before, self._look(), strict=True))
        return taught, learnt

    def _look(self) -> tuple[Reception, Reception]:
        return self.teacher.look_at(self.student), self.student.look_at(self.teacher)


@dataclass(frozen=True, slots=True)
class People:
    """Two visitors who are not in a class yet, and the networks that they will be behind."""

    teacher: Visitor
    student: Visitor
    teachers_network: BadNetwork
    students_network: BadNetwork

    def meet(self, name: str, *, lively_teacher: bool = False, lead: Candidates | None = None) -> Meeting:
        """Bring both into a new class and wait until they see and hear each other.

        Their media goes through their networks, unless `lead` says where else. Their pictures are small; that of a
        lively teacher is larger and takes the bitrate that it may have.
        """
        if lively_teacher:
            self.teacher.context.add_init_script(LIVELY)
            self.student.page.set_viewport_size(ROOMY)
        for visitor, network, picture in (
            (self.teacher, self.teachers_network, LARGER if lively_teacher else SMALL),
            (self.student, self.students_network, SMALL),
        ):
            visitor.use_camera(*picture, FRAMES_PER_S)
            visitor.lead_media(lead or network.lead)
        self.teacher.create_class(name)
        teacher_id = self.teacher.enter()
        self.student.sign_up("Grace Hopper", f"{name.lower().replace(' ', '.')}@school.example", PASSWORD)
        self.student.page.get_by_role("link", name=name).click()
        student_id = self.student.enter()
        for visitor, other_id in ((self.student, teacher_id), (self.teacher, student_id)):
            visitor.expect_to_see(other_id)
            visitor.expect_to_hear(other_id)
        return Meeting(
            Seat(self.teacher, teacher_id, self.teachers_network),
            Seat(self.student, student_id, self.students_network),
        )
