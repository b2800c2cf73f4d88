"""TEST 1: both services answer, quickly, and let nobody in who has no right."""

from collections.abc import Awaitable, Callable

from deploy.integration.backend_api import API
from deploy.integration.checks import CheckFailed, Section, Skipped, require
from deploy.integration.http_api import HttpApi, Json
from deploy.integration.run import Run

HEADING = "TEST 1: Service Health Checks"

HEALTH_LIMIT_MS = 5.0
HEALTH_TRIES = 20


class Health:
    """The checks of TEST 1."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._sfu = run.sfu
        self._backend = run.backend

    async def check(self) -> None:
        """Run them all."""
        check = self._section.check
        await check("SFU: GET /health: 200 OK, status ok, worker ready", self._sfu_health)
        await self._quick("SFU: response time of /health", self._sfu)
        await check("SFU: GET /health/live and /health/ready: 200 OK", self._probes(self._sfu))
        await check("SFU: refuses calls without its token: 401", self._sfu_token)
        await check("SFU: takes our calls: GET /rooms: 200 OK", self._sfu_rooms)
        await check("Backend: GET /health: 200 OK, vtp-platform, database and SFU ok", self._backend_health)
        await self._quick("Backend: response time of /health", self._backend)
        await check("Backend: GET /health/live and /health/ready: 200 OK", self._probes(self._backend))
        await check("Backend: refuses who is not signed in: 401", self._backend_refuses)
        await check("Backend: refuses a WebSocket without a ticket: 401", self._backend_refuses_sockets)
        await check("Backend: refuses a wrong password: 401", self._backend_refuses_passwords)
        await check("Backend: GET /api/v1/signalling/health: 200 OK", self._signalling_health)
        await check("Backend: a teacher signs in", self._sign_in)

    async def _quick(self, name: str, service: HttpApi) -> None:
        async def ask(_number: int) -> Json:
            return (await service.get("/health")).ok("status")

        await self._section.timed(name, ask, tries=HEALTH_TRIES, limit_ms=HEALTH_LIMIT_MS)

    def _probes(self, service: HttpApi) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            for path in ("/health/live", "/health/ready"):
                (await service.get(path)).ok("status")

        return ask

    async def _sfu_health(self) -> None:
        body = (await self._sfu.get("/health")).ok("status", "timestamp", "worker")
        seen = (body["status"], body["worker"])
        require(seen == ("ok", "ready"), f"status {seen[0]}, worker {seen[1]} instead of ok, ready")

    async def _sfu_token(self) -> None:
        if self._sfu.token is None:
            raise Skipped("no SFU_API_TOKEN is given: an SFU on loopback needs none")
        for headers in ({}, {"Authorization": "Bearer not-the-token"}):
            (await self._sfu.call("GET", "/rooms", headers=headers)).must_be(401, "UNAUTHORIZED")

    async def _sfu_rooms(self) -> None:
        (await self._sfu.get("/rooms")).ok("rooms", "totalRooms", "totalPeers")

    async def _backend_health(self) -> None:
        body = (await self._backend.get("/health")).ok("status", "service", "version", "database", "sfu")
        wanted = {"status": "ok", "service": "vtp-platform", "database": "ok", "sfu": "ok"}
        wrong = [f"{name} is {body[name]}" for name, value in wanted.items() if body[name] != value]
        require(not wrong, ", ".join(wrong))

    async def _backend_refuses(self) -> None:
        for method, path in (("GET", "/rooms"), ("POST", "/signalling/ticket"), ("GET", "/users")):
            (await self._backend.call(method, API + path, headers={})).must_be(401, "MISSING_TOKEN")
        forged = {"Authorization": "Bearer not.a.token"}
        (await self._backend.call("GET", f"{API}/rooms", headers=forged)).must_be(401, "INVALID_TOKEN")

    async def _backend_refuses_sockets(self) -> None:
        try:
            socket = await self._backend.open_socket("not-a-ticket", self._run.options.timeout)
        except CheckFailed as refusal:
            require("status 401" in str(refusal), str(refusal))
        else:
            await socket.close()
            require(False, "GET /ws was upgraded with an invented ticket")

    async def _backend_refuses_passwords(self) -> None:
        body = {"email": f"{self._run.name}@nowhere.example", "password": "Not-the-password-1"}
        (await self._backend.call("POST", f"{API}/auth/login", body, headers={})).must_be(
            401, "INVALID_CREDENTIALS"
        )

    async def _signalling_health(self) -> None:
        (await self._backend.get(f"{API}/signalling/health")).ok("status")

    async def _sign_in(self) -> None:
        await self._backend.sign_in(self._run.options.email, self._run.options.password)


async def check(section: Section, run: Run) -> None:
    """Run TEST 1."""
    await Health(section, run).check()
