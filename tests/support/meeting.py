"""A teacher and a student who meet in a class, each behind a network of their own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.bad_network import BadNetwork
from tests.support.classroom_page import Candidates, Visitor
from tests.support.reception import Reception, Stretch, longest_gap_s

PASSWORD = "Chalk-and-Board-5"

CAMERA = """
(() => {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  const small = { width: %d, height: %d, frameRate: { exact: %d } };
  devices.getUserMedia = (constraints) => getUserMedia({ ...constraints, video: constraints.video && small });
})();
"""
"""Whatever the page asks of the camera, it gets a picture that a busy machine can encode in time."""

FRAMES_PER_S = 15
SMALL = (320, 180)
"""Sent in one size."""
LARGER = (640, 360)
"""Sent in this size and in half of it."""

SAMPLE_EVERY_MS = 50


@dataclass(frozen=True, slots=True)
class Gaps:
    """The longest times, in seconds, in which nothing came."""

    frames: float
    video: float
    audio: float

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

    def meet(
        self, name: str, *, teachers_picture: tuple[int, int] = SMALL, lead: Candidates | None = None
    ) -> Meeting:
        """Bring both into a new class and wait until they see and hear each other.

        Their media goes through their networks, unless `lead` says where else.
        """
        for visitor, network, picture in (
            (self.teacher, self.teachers_network, teachers_picture),
            (self.student, self.students_network, SMALL),
        ):
            visitor.context.add_init_script(CAMERA % (*picture, FRAMES_PER_S))
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
