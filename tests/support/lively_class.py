"""A class in which everything happens that metrics tell of, but what only browsers do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.support.classmate import classmate
from tests.support.services import Platform

PACKETS = 30


@asynccontextmanager
async def lively_class(platform: Platform) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Have a teacher send video to a student, and some requests refused.

    Yields what has more happen: packets, a message, a guest who speaks and goes, requests of both services.
    """
    async with (
        classmate(platform, "teacher@school.example", "teacher") as teacher,
        classmate(platform, "student@school.example") as student,
    ):
        await teacher.join("physics", roomName="Physics")
        await student.join("physics")
        consumed = await student.subscribe(await teacher.publish("video", 1000))
        await student.socket.refused("close-room")
        async with student.session.get(platform.backend.url + "/nowhere"):
            pass

        async def more() -> None:
            await student.receives(consumed, PACKETS)
            await student.socket.request("chat-message", text="Still here.")
            async with classmate(platform, "guest@school.example") as guest:
                await guest.join("physics")
                await teacher.subscribe(await guest.publish("audio", 2000))
                await guest.socket.request("leave-room")
            for service in (platform.backend, platform.sfu):
                for path in ("/health", "/rooms", "/api/v1/rooms"):
                    async with student.session.get(service.url + path):
                        pass

        yield more
