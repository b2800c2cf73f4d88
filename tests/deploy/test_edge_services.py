"""The services at the edge, `coturn` and `proxy`, as the compose files describe them."""

import re
from typing import Any

import pytest
import yaml

from tests.support.services import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
FILES = {"coturn": "compose.turn.yaml", "proxy": "compose.tls.yaml"}
READ_BY = {"coturn": "coturn/entrypoint.sh", "proxy": "caddy/Caddyfile"}


def service(name: str) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((DEPLOY / FILES[name]).read_text())["services"][name]
    return described


@pytest.mark.parametrize("name", FILES)
def test_nothing_runs_as_root_and_the_one_capability_is_what_the_images_program_carries(name: str) -> None:
    described = service(name)
    assert described["user"] == "10001:10001"
    assert described["cap_add"] == ["NET_BIND_SERVICE"]


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_one_that_the_service_reads(name: str) -> None:
    read = (DEPLOY / READ_BY[name]).read_text()
    ours = {variable for variable in service(name)["environment"] if not variable.startswith("XDG_")}
    assert {variable for variable in ours if not re.search(rf"\b{variable}\b", read)} == set()


def test_the_published_ports_are_those_listened_on() -> None:
    coturn = (DEPLOY / "coturn" / "turnserver.conf").read_text()
    listening = set(re.findall(r"^(?:tls-)?listening-port=(\d+)$", coturn, re.MULTILINE))
    assert inner_ports("coturn") == listening
    caddy = (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert inner_ports("proxy") == set(re.findall(r"_port \{\$VTP_HTTPS?_PORT:(\d+)\}", caddy))


def test_the_backend_trusts_the_proxys_address_and_no_other() -> None:
    backend = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["backend"]
    address = service("proxy")["networks"]["front"]["ipv4_address"]
    assert backend["environment"]["TRUSTED_PROXIES"] == f"${{TRUSTED_PROXIES:-{address}}}"


def inner_ports(name: str) -> set[str]:
    return {published.rpartition(":")[2].partition("/")[0] for published in service(name)["ports"]}
