"""Both services' `/metrics` in a real class: what they show is what the READMEs and the list of names say."""

import asyncio
import re
from collections.abc import Iterator

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from shared import __version__, metrics_names
from shared.logging import LEVELS
from tests.support.lively_class import lively_class
from tests.support.services import REPOSITORY, Platform, Service, running_platform

pytestmark = pytest.mark.integration

TOKEN = "a-token-for-the-tests-of-metrics"
SERVICES = ("sfu", "backend")
MADE_BY_LIBRARIES = re.compile(r"process_|.*_created$")
Shown = dict[str, dict[str, Metric]]

RENDERED = {"counter": "_total", "info": "_info"}
"""What a name gets when it is exposed."""

NEEDS_REPORTS = "vtp_sfu_round_trip_seconds"
"""Our people in the class send no receiver reports."""

UNBOUNDED = re.compile(r"room_?id|peer|user|email|session|token|address", re.IGNORECASE)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform({"SFU_WORKERS": "2", "SFU_API_TOKEN": TOKEN, "RESUME_GRACE_S": "1"}) as platform:
        yield platform


async def families(service: Service) -> dict[str, Metric]:
    """Everything that a service shows, by the names that it is shown under."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(service.url + "/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    found = {f"{each.name}{RENDERED.get(each.type, '')}": each for each in text_string_to_metric_families(text)}
    infos = {name.removesuffix("_info") for name in found if name.endswith("_info")}
    return {name: each for name, each in found.items() if name not in infos and not MADE_BY_LIBRARIES.match(name)}


@pytest.fixture(scope="module")
def shown(platform: Platform) -> Shown:
    return asyncio.run(a_class(platform))


async def a_class(platform: Platform) -> Shown:
    """Return what both show in the midst of a class with media, a refusal, and somebody who has come and gone."""
    async with lively_class(platform) as more, asyncio.timeout(30):
        while True:
            await more()
            found = {service.name: await families(service) for service in (platform.sfu, *platform.backends)}
            if value(found["sfu"]["vtp_sfu_rtp_packets_total"], direction="out") > 0:
                return found


def table(service: str) -> dict[str, set[str]]:
    """The names and labels in the README's table."""
    text = (REPOSITORY / service / "README.md").read_text()
    rows = re.search(rf"^\| metric \(`vtp_{service}_…`\) .*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows is not None
    found: dict[str, set[str]] = {}
    for row in rows[1].splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        for name in re.findall(r"`(\w+)`", cells[1]):
            found[f"vtp_{service}_{name}"] = set(filter(None, cells[2].replace(" ", "").split(",")))
    return found


def value(family: Metric, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    return sum(
        sample.value
        for sample in family.samples
        if labels.items() <= sample.labels.items() and not sample.name.endswith(("_bucket", "_sum", "_created"))
    )


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_has_every_metric_and_no_other(shown: Shown, service: str) -> None:
    assert set(table(service)) == set(shown[service])


@pytest.mark.parametrize("service", SERVICES)
def test_the_labels_are_those_of_the_readme(shown: Shown, service: str) -> None:
    promised = table(service)
    for name, family in shown[service].items():
        if name == NEEDS_REPORTS:
            continue
        assert family.samples, f"{name} has shown nothing"
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels == promised[name], name
        assert not any(UNBOUNDED.search(label) for label in labels), name


@pytest.mark.parametrize("service", SERVICES)
def test_all_names_come_from_one_list(shown: Shown, service: str) -> None:
    listed = {name for constant, name in vars(metrics_names).items() if constant.startswith(f"{service.upper()}_")}
    plain = {name.removesuffix("_total") for name in shown[service]}
    assert plain == listed


@pytest.mark.parametrize("service", SERVICES)
def test_names_follow_the_conventions(shown: Shown, service: str) -> None:
    for name, family in shown[service].items():
        assert re.fullmatch(rf"vtp_{service}_[a-z]+(_[a-z]+)*", name)
        assert not re.search(r"_(ms|millis\w*|kb|mb|kilo\w*|percent)(_|$)", name)
        assert name.endswith("_total") is (family.type == "counter")
        assert family.documentation.endswith((".", ")")), name


def test_what_the_sfu_tells_of_its_processes_and_of_a_class(shown: Shown) -> None:
    sfu = shown["sfu"]
    assert value(sfu["vtp_sfu_build_info"], version=__version__) == 1
    for process in ("control", "worker-0", "worker-1"):
        assert 5e6 < value(sfu["vtp_sfu_memory_bytes"], process=process) < 500e6
        assert value(sfu["vtp_sfu_loop_delay_seconds"], process=process) > 0
        levels = {each.labels["level"] for each in sfu["vtp_sfu_log_messages_total"].samples}
        assert levels == set(LEVELS)
        assert value(sfu["vtp_sfu_log_messages_total"], process=process, level="error") == 0
    assert value(sfu["vtp_sfu_workers"]) == value(sfu["vtp_sfu_workers_ready"]) == 2
    guests = value(sfu["vtp_sfu_peers_closed_total"], reason="left")
    assert guests > 0
    assert value(sfu["vtp_sfu_rooms_opened_total"]) == 1
    assert value(sfu["vtp_sfu_peers_joined_total"]) == 2 + guests
    assert value(sfu["vtp_sfu_peers_closed_total"]) == guests
    assert value(sfu["vtp_sfu_transports_closed_total"], outcome="connected") == guests
    assert value(sfu["vtp_sfu_transports_closed_total"]) == guests
    assert value(sfu["vtp_sfu_transports_opened_total"], direction="recv") == 2
    assert value(sfu["vtp_sfu_transports_opened_total"], direction="send") == 1 + guests
    assert value(sfu["vtp_sfu_transport_states_total"], protocol="dtls", state="connected") == 3 + guests
    assert value(sfu["vtp_sfu_video_consumers"], layer="0") == 1
    assert value(sfu["vtp_sfu_errors_total"], code="UNAUTHORIZED") >= 1
    assert value(sfu["vtp_sfu_draining"]) == 0


def test_what_the_backend_tells_of_itself(shown: Shown) -> None:
    backend = shown["backend"]
    assert value(backend["vtp_backend_build_info"], version=__version__) == 1
    assert 5e6 < value(backend["vtp_backend_memory_bytes"]) < 500e6
    assert value(backend["vtp_backend_loop_delay_seconds"]) > 0
    assert value(backend["vtp_backend_database_up"]) == 1
    assert value(backend["vtp_backend_database_pool_max_size"]) == 10
    assert value(backend["vtp_backend_socket_opens_total"]) >= 3
    assert value(backend["vtp_backend_errors_total"], edge="signalling", code="INSUFFICIENT_PERMISSIONS") == 1
    assert value(backend["vtp_backend_errors_total"], edge="http", code="NOT_FOUND") >= 1
    assert value(backend["vtp_backend_log_messages_total"], level="error") == 0
    assert value(backend["vtp_backend_log_messages_total"], level="info") > 0
