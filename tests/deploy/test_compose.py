"""The compose files: what their schema cannot see."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

import backend.settings
import sfu.settings
from tests.support.bare_root import Mount, Program, Root, host_env
from tests.support.compose_file import (
    DEPLOY,
    MissingVariableError,
    Stack,
    compose_files,
    example_variables,
    interpolate,
    read_stack,
)
from tests.support.containers import base_root, install_in
from tests.support.dockerfile import stages_of

OURS = {"sfu": sfu.settings.load_settings, "backend": backend.settings.load_settings}

CLOSED_PORTS = {3000, 5432}
"""The SFU's API and the database are for our networks alone."""

RUN_ONCE = {"integration"}
"""They end by themselves, and tell by their exit status what they found."""

OF_COMPOSE_ITSELF = {"COMPOSE_FILE", "COMPOSE_PROFILES"}
"""Settings in env.example that `docker compose` reads, and no file."""

EXAMPLES_ONLY = {"VTP_DOMAIN"} | OF_COMPOSE_ITSELF
"""In env.example with a value that is not the default."""

BOUND_PATHS = {"/", "/var/lib/docker/containers"}
"""What of the host itself may be shown, read-only: its disks to node_exporter, its logs to their collector."""


@pytest.fixture
def stack() -> Stack:
    return read_stack(example_variables())


def services() -> list[str]:
    return sorted(read_stack(example_variables()).services)


@pytest.mark.parametrize("file", compose_files(), ids=lambda path: path.name)
def test_files_are_as_the_specification_has_them(file: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_file_that_describes_services_is_included() -> None:
    assert {path.name for path in compose_files()} >= {path.name for path in DEPLOY.glob("compose*.yaml")} - {
        "compose.host-media.yaml"
    }


@pytest.mark.parametrize("name", services())
def test_services_have_what_keeps_them_up_and_in(stack: Stack, name: str) -> None:
    service = stack.services[name]
    assert service["restart"] == ("no" if name in RUN_ONCE else "unless-stopped")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert "network_mode" not in service
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() >= {"cpus", "memory", "pids"}
    assert float(limits["cpus"]) <= 2  # an engine refuses more than its host has


@pytest.mark.parametrize("name", services())
def test_health_is_probed(stack: Stack, name: str) -> None:
    service = stack.services[name]
    if name in RUN_ONCE:
        assert service["healthcheck"] == {"disable": True}
    elif name in OURS:
        instructions = stages_of(DEPLOY / "Dockerfile")[service["build"]["target"]].instructions
        assert sum(one.name == "HEALTHCHECK" for one in instructions) == 1
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", services())
def test_images_have_versions(stack: Stack, name: str) -> None:
    image = stack.services[name]["image"]
    assert re.fullmatch(r"[a-z0-9/-]+:[\w.-]+", image), f"{image} names a registry or no version"
    assert not image.endswith(":latest")


@pytest.mark.parametrize("name", services())
def test_what_is_bound_into_a_container_exists(stack: Stack, name: str) -> None:
    for source, target, options in volumes_of(stack.services[name]):
        if source.startswith("/"):
            assert source in BOUND_PATHS, source
            assert "ro" in options, target
        elif source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert "ro" in options, target
        else:
            assert source in stack.volumes


def volumes_of(service: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """List source, target and options of what is mounted."""
    found = []
    for entry in service.get("volumes", []):
        if isinstance(entry, dict):
            options = "ro" if entry.get("read_only") else ""
            found.append((str(entry["source"]), str(entry["target"]), options))
        else:
            source, target, *options = entry.split(":")
            found.append((source, target, ",".join(options)))
    return found


def test_secrets_are_made_and_named(stack: Stack, tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "make-secrets.sh", tmp_path / "secrets"], check=True, capture_output=True)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in stack.secrets.values()} == made == set(stack.secrets)
    for name, service in stack.services.items():
        given = {entry if isinstance(entry, str) else entry["source"] for entry in service.get("secrets", [])}
        assert given <= made, name
        named = re.findall(r"/run/secrets/(\w+)", str(service))
        assert set(named) <= given, name


def test_no_secret_is_a_setting(stack: Stack) -> None:
    secret = re.compile(r"(PASSWORD|SECRET|TOKEN|DATABASE_URL)$")
    for name, service in stack.services.items():
        assert not [key for key in environment_of(service) if secret.search(key)], name


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """Return a service's environment, whichever way it is written."""
    given = service.get("environment") or {}
    pairs = given.items() if isinstance(given, dict) else (entry.partition("=")[::2] for entry in given)
    return {str(name): "" if value is None else str(value) for name, value in pairs}


class Recorder(dict[str, str]):
    """An environment that notes which names are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return default

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return False


@pytest.mark.parametrize("name", OURS)
def test_settings_are_those_that_the_services_know(
    stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(os, "environ", recorder)
    OURS[name]()
    monkeypatch.undo()
    image = stages_of(DEPLOY / "Dockerfile")[name].instructions
    given = environment_of(stack.services[name]).keys() | {
        key for one in image if one.name == "ENV" for key in one.pairs({})
    }
    assert given - recorder.asked == set()


def test_every_variable_stands_in_the_example_and_the_other_way_round() -> None:
    used: set[str] = set()
    for file in [*compose_files(), DEPLOY / "compose.host-media.yaml"]:
        interpolate(re.sub(r"(^|\s)#.*", "", file.read_text()), example_variables(), used)
    assert used | OF_COMPOSE_ITSELF == example_variables().keys()


def test_the_example_shows_the_defaults() -> None:
    text = (DEPLOY / "env.example").read_text()
    needed = dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))
    files = "\n".join(file.read_text() for file in DEPLOY.glob("compose*.yaml"))
    for name, shown in re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE):
        if name in EXAMPLES_ONLY:
            continue
        defaults = {
            interpolate(f"${{{name}:-{found}}}", needed)
            for found in re.findall(rf"\$\{{{name}:-((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}", files)
        }
        assert defaults in ({shown}, {""}), f"{name}: {shown} in env.example, {defaults} in the compose files"


@pytest.mark.parametrize("name", ["RTC_ANNOUNCED_IP", "ADMIN_EMAIL"])
def test_what_has_no_default_is_asked_for(name: str) -> None:
    variables = example_variables()
    del variables[name]
    with pytest.raises(MissingVariableError, match=f"^{name} is the "):
        read_stack(variables)


def published(service: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """List address, outer and inner port (or range) of what a service publishes."""
    ports = []
    for entry in map(str, service.get("ports", [])):
        outer, _, inner = entry.rpartition(":")
        address, _, port = outer.rpartition(":")
        ports.append((address, port, inner))
    return ports


def test_only_the_page_and_media_are_published(stack: Stack) -> None:
    plain = {name: service for name, service in stack.services.items() if "profiles" not in service}
    assert plain.keys() == {"postgres", "sfu", "backend"}
    assert published(plain["postgres"]) == []
    assert published(plain["backend"]) == [("127.0.0.1", "8080", "8080/tcp")]
    assert published(plain["sfu"]) == [
        ("", "40000-40001", "40000-40001/udp"),
        ("", "40000-40001", "40000-40001/tcp"),
    ]


@pytest.mark.parametrize("name", services())
def test_closed_ports_are_not_published(stack: Stack, name: str) -> None:
    for _, _, inner in published(stack.services[name]):
        first, _, last = inner.partition("/")[0].partition("-")
        assert not CLOSED_PORTS & set(range(int(first), int(last or first) + 1))


def test_each_worker_has_a_published_port(stack: Stack) -> None:
    given = environment_of(stack.services["sfu"])
    assert int(given["RTC_MAX_PORT"]) - int(given["RTC_MIN_PORT"]) + 1 == int(given["SFU_WORKERS"])
    more = read_stack(
        {**example_variables(), "RTC_MIN_PORT": "41000", "RTC_MAX_PORT": "41007", "SFU_WORKERS": "8"}
    )
    assert {port for _, port, _ in published(more.services["sfu"])} == {"41000-41007"}


def test_the_api_of_the_sfu_listens_on_the_internal_network_alone(stack: Stack) -> None:
    service = stack.services["sfu"]
    listen = environment_of(service)["SFU_LISTEN_IP"]
    assert service["networks"]["control"]["ipv4_address"] == listen
    (pool,) = stack.networks["control"]["ipam"]["config"]
    assert ip_address(listen) in ip_network(pool["subnet"])
    assert ip_address(listen) not in ip_network(pool["ip_range"])  # nobody else is given it


def test_networks_keep_apart_what_need_not_meet(stack: Stack) -> None:
    members: dict[str, set[str]] = {name: set() for name in stack.networks}
    for name, service in stack.services.items():
        for network in service.get("networks", []):
            members[network].add(name)
    assert stack.networks["control"]["internal"] is stack.networks["data"]["internal"] is True
    assert members["media"] <= {"sfu", "coturn", "integration"}
    assert "sfu" not in members["front"] | members["data"]
    assert "postgres" not in members["front"] | members["control"]


def test_the_sfu_gets_the_time_to_drain(stack: Stack) -> None:
    service = stack.services["sfu"]
    drain = float(environment_of(service)["SFU_DRAIN_TIMEOUT_S"])
    assert float(service["stop_grace_period"].removesuffix("s")) > drain


@pytest.fixture(scope="module")
def docker_compose(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return what runs `docker compose`, of Debian's package, on our files: its `config` needs no engine."""
    root = Root(tmp_path_factory.mktemp("compose") / "root", base_root())
    install_in(root, "docker-compose")

    def run(*arguments: str, **env: str) -> str:
        program = Program(
            ("docker-compose", "--env-file", "env.example", "--profile", "*", *arguments),
            {"PATH": "/usr/bin:/bin", "HOME": "/root", **env},
            cwd="/opt/src/deploy",
            mounts=[Mount(DEPLOY, "/opt/src/deploy")],
        )
        done = subprocess.run(root.command(program), env=host_env(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


def test_docker_compose_reads_the_stack_as_these_tests_do(
    docker_compose: Callable[..., str], stack: Stack
) -> None:
    read = yaml.safe_load(docker_compose("config"))
    assert read["services"].keys() == stack.services.keys()
    assert read["networks"].keys() == stack.networks.keys()
    for name, service in read["services"].items():
        assert environment_of(service) == environment_of(read_stack(without_comments()).services[name]), name


def without_comments() -> dict[str, str]:
    """Return the settings of env.example as docker compose takes them."""
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", (DEPLOY / "env.example").read_text(), re.MULTILINE))


def test_media_ports_may_be_published_at_one_address(docker_compose: Callable[..., str]) -> None:
    for bind, addresses in (("", {None}), ("192.0.2.10", {"192.0.2.10"})):
        ports = yaml.safe_load(docker_compose("config", RTC_BIND=bind))["services"]["sfu"]["ports"]
        assert {port.get("host_ip") for port in ports} == addresses
        assert {(port["published"], port["target"], port["protocol"]) for port in ports} == {
            (str(port), port, protocol) for port in (40000, 40001) for protocol in ("udp", "tcp")
        }


def test_media_may_go_by_the_network_of_the_host(docker_compose: Callable[..., str]) -> None:
    read = yaml.safe_load(docker_compose("config", COMPOSE_FILE="compose.yaml:compose.host-media.yaml"))
    service = read["services"]["sfu"]
    assert service["network_mode"] == "host"
    assert not service.get("networks")
    assert not service.get("ports")
    (pool,) = read["networks"]["control"]["ipam"]["config"]
    assert environment_of(service)["SFU_LISTEN_IP"] == pool["gateway"]
    askers = {name for name, other in read["services"].items() if "http://sfu:3000" in str(other)}
    assert askers >= {"backend", "integration"}
    for name in askers | {"prometheus"}:
        assert pool["gateway"] in str(read["services"][name]["extra_hosts"])


def test_node_exporter_reads_where_the_backup_writes(stack: Stack) -> None:
    written = Path(environment_of(stack.services["backup"])["BACKUP_METRICS_FILE"])
    exporter = stack.services["node-exporter"]
    (folder,) = (one.partition("=")[2] for one in exporter["command"] if "textfile.directory=" in one)
    mounts = {name: dict_of_volumes(stack.services[name])["backups"] for name in ("backup", "node-exporter")}
    assert written.parent.relative_to(mounts["backup"]) == Path(folder).relative_to(mounts["node-exporter"])


def dict_of_volumes(service: Mapping[str, Any]) -> dict[str, str]:
    """Where what is mounted is seen."""
    return {source: target for source, target, _ in volumes_of(service)}
