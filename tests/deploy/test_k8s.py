"""The Kubernetes manifests: valid by the API's schemas, and true to each other and to the services."""

import os
import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from backend import settings as backend_settings
from backend.http.routes import _service_routes as backend_routes
from backend.serve import SHUTDOWN_TIMEOUT_S
from sfu import settings as sfu_settings
from sfu.api.routes import ROUTES as SFU_ROUTES
from tests.support.manifests import (
    EXAMPLE,
    K8S,
    WORKLOADS,
    Manifest,
    as_they_lie,
    container,
    documents,
    environment,
    keys_used,
    merged,
    of_kind,
    pod,
    the,
)
from tests.support.services import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
VERSIONS = ("1.29", kubernetes_validate.latest_version())
"""The oldest that we name and the newest there are schemas for."""

SECRETS = {
    "database_url": "postgresql://vtp:chalk@postgres:5432/vtp_db",
    "jwt_secret": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "sfu_api_token": "abcdefghijklmnopqrstuvwxyz012345",
    "turn_secret": "zyxwvutsrqponmlkjihgfedcba543210",
    "admin_password": "Chalk-and-Board-1",
}
POD_FIELDS = {"status.podIP": "10.1.2.3", "status.hostIP": "192.0.2.11", "spec.nodeName": "media-1"}


@pytest.fixture(scope="module", params=[as_they_lie, merged], ids=["as they lie", "merged"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Return all objects, at first as they lie in the folder, then as the example overlay merges them."""
    found: list[Manifest] = request.param()
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_by_the_apis_schema(manifests: list[Manifest], version: str) -> None:
    assert len(manifests) >= 20
    for manifest in [*manifests, *documents(EXAMPLE)]:
        kubernetes_validate.validate(manifest, version, strict=True)
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "vtp"


def test_kustomizations_name_every_file_but_the_example() -> None:
    for folder in (K8S / "base", *(K8S / "components").iterdir(), K8S / "overlays" / "example"):
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        patches = [patch["path"] for patch in kustomization.get("patches", []) if "path" in patch]
        named = {*kustomization.get("resources", []), *patches} - {"../../base"}
        assert named == {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml", EXAMPLE.name}


def test_selectors_match_the_pods_they_mean(manifests: list[Manifest]) -> None:
    pods = {one["metadata"]["name"]: pod(one)["metadata"]["labels"] for one in of_kind(manifests, *WORKLOADS)}
    for workload in of_kind(manifests, "Deployment", "StatefulSet"):
        assert workload["spec"]["selector"]["matchLabels"].items() <= pod(workload)["metadata"]["labels"].items()
    for one in of_kind(manifests, "Service", "PodDisruptionBudget"):
        selector = one["spec"].get("selector", {})
        wanted = selector.get("matchLabels", selector)
        matching = [name for name, labels in pods.items() if wanted and wanted.items() <= labels.items()]
        assert matching == ([] if one["metadata"]["name"] == "nowhere" else [one["metadata"]["name"]])
    for policy in of_kind(manifests, "NetworkPolicy"):
        for selector in pod_selectors(policy):
            assert any(selector.items() <= labels.items() for labels in pods.values())


def pod_selectors(policy: Manifest) -> list[dict[str, str]]:
    peers = [peer for rule in policy["spec"].get("ingress", []) for peer in rule.get("from", [])]
    selectors = [policy["spec"]["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]
    return [selector.get("matchLabels", {}) for selector in selectors]


def test_services_and_policies_let_through_the_ports_that_containers_have(manifests: list[Manifest]) -> None:
    for name in ("backend", "sfu", "postgres"):
        [workload] = [one for one in of_kind(manifests, *WORKLOADS) if one["metadata"]["name"] == name]
        ports = container(workload)["ports"]
        named = {port["name"]: port["containerPort"] for port in ports}
        for port in the(manifests, "Service", name)["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"]
        allowed = {
            (port["port"], port["protocol"])
            for rule in the(manifests, "NetworkPolicy", name)["spec"]["ingress"]
            for port in rule["ports"]
        }
        assert allowed == {(port["containerPort"], port["protocol"]) for port in ports}


def test_only_media_is_open_to_everybody(manifests: list[Manifest]) -> None:
    everything = the(manifests, "NetworkPolicy", "nothing-unless-allowed")["spec"]
    assert everything == {"podSelector": {}, "policyTypes": ["Ingress"]}
    for policy in of_kind(manifests, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            if "from" not in rule:
                assert policy["metadata"]["name"] == "sfu"
                assert all(port["port"] >= 40000 for port in rule["ports"])


def test_each_media_worker_has_its_port_on_the_node_by_udp_and_tcp(manifests: list[Manifest]) -> None:
    sfu = the(manifests, "StatefulSet", "sfu")
    env = environment(manifests, sfu, POD_FIELDS)
    first, last = int(env["RTC_MIN_PORT"]), int(env["RTC_MAX_PORT"])
    assert last - first + 1 == int(env["SFU_WORKERS"])
    on_node = [port for port in container(sfu)["ports"] if "hostPort" in port]
    assert all(port["hostPort"] == port["containerPort"] for port in on_node)
    media = {(port["hostPort"], port["protocol"]) for port in on_node}
    assert media == set(product(range(first, last + 1), ("UDP", "TCP")))
    others = [one for one in of_kind(manifests, *WORKLOADS) if one is not sfu]
    assert not any("hostPort" in port for one in others for port in container(one).get("ports", []))


def settings_of(
    manifests: list[Manifest], workload: Manifest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Lay out the container's environment, its secrets as files, for the service to read."""
    env = environment(manifests, workload, POD_FIELDS)
    for name, value in SECRETS.items():
        (folder / name).write_text(value + "\n")
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value.replace("/run/secrets/vtp", str(folder)))
    return env


def test_the_backend_understands_its_environment(
    manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = the(manifests, "Deployment", "backend")
    assert workload["spec"]["replicas"] >= 2
    env = settings_of(manifests, workload, tmp_path, monkeypatch)
    settings = backend_settings.load_settings()
    assert settings.app_env is backend_settings.AppEnv.PRODUCTION
    assert settings.backend_peer_url == "http://10.1.2.3:8080"
    assert settings.database_url == SECRETS["database_url"]
    assert settings.jwt_secret == SECRETS["jwt_secret"]
    assert settings.turn.secret == SECRETS["turn_secret"]
    assert settings.port == container(workload)["ports"][0]["containerPort"]
    assert unknown(env, "backend") == {"POD_IP"}


def test_the_sfu_understands_its_environment(
    manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = the(manifests, "StatefulSet", "sfu")
    env = settings_of(manifests, workload, tmp_path, monkeypatch)
    settings = sfu_settings.load_settings()
    assert settings.rtc_announced_ips == ("192.0.2.11",)
    assert settings.api_token == SECRETS["sfu_api_token"]
    assert settings.port == container(workload)["ports"][0]["containerPort"]
    assert pod(workload)["spec"]["terminationGracePeriodSeconds"] >= settings.drain_timeout_s + 30
    assert unknown(env, "sfu") <= {"NODE_NAME"}


def unknown(env: dict[str, str], service: str) -> set[str]:
    """Return the variables that the service's settings do not name."""
    read = (REPOSITORY / service / "settings.py").read_text()
    return {name for name in env if f'"{name}"' not in read and f'"{name.removesuffix("_FILE")}"' not in read}


def test_the_backend_finds_every_sfu_and_each_is_alone_on_its_node(manifests: list[Manifest]) -> None:
    sfu = the(manifests, "StatefulSet", "sfu")
    urls = the(manifests, "ConfigMap", "vtp-backend")["data"]["SFU_URLS"].split(",")
    service = the(manifests, "Service", sfu["spec"]["serviceName"])["spec"]
    assert urls == [f"http://sfu-{n}.sfu:{service['ports'][0]['port']}" for n in range(sfu["spec"]["replicas"])]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True, "one that drains is not ready and still has rooms"
    affinity = pod(sfu)["spec"]["affinity"]["podAntiAffinity"]
    [rule] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
    assert rule["labelSelector"]["matchLabels"].items() <= pod(sfu)["metadata"]["labels"].items()


def test_the_backend_has_the_time_to_stop(manifests: list[Manifest]) -> None:
    workload = the(manifests, "Deployment", "backend")
    command, seconds = container(workload)["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    grace_s = pod(workload)["spec"]["terminationGracePeriodSeconds"]
    assert grace_s >= int(seconds) + 2 * SHUTDOWN_TIMEOUT_S
    assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_every_key_that_is_mounted_exists(manifests: list[Manifest]) -> None:
    [example] = documents(EXAMPLE)
    assert set(example["stringData"].values()) == {""}, "nobody is to use the example"
    scripts = {file.name for folder in ("backup", "postgres") for file in (DEPLOY / folder).iterdir()}
    exist = {("Secret", "vtp-secrets"): set(example["stringData"]), ("ConfigMap", "vtp-scripts"): scripts}
    for workload in of_kind(manifests, *WORKLOADS):
        for kind, name, key in keys_used(workload):
            assert key in exist[kind, name]
        mounted = {key for kind, _, key in keys_used(workload) if kind == "Secret"}
        files = {Path(one["value"]).name for one in container(workload)["env"] if one["name"].endswith("_FILE")}
        assert files == mounted
    made = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["secrets"]
    assert set(example["stringData"]) <= set(made), "make-secrets.sh makes all of them"


def test_volumes_are_there_for_all_mounts(manifests: list[Manifest]) -> None:
    for workload in of_kind(manifests, *WORKLOADS):
        volumes = {volume["name"] for volume in pod(workload)["spec"].get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
        assert {mount["name"] for mount in container(workload)["volumeMounts"]} == volumes | claims


def test_probes_ask_for_what_the_services_answer(manifests: list[Manifest]) -> None:
    routes = {"backend": backend_routes(), "sfu": SFU_ROUTES}
    for kind, name in (("Deployment", "backend"), ("StatefulSet", "sfu")):
        paths = {route.path for route in routes[name] if route.method == "GET"}
        workload = the(manifests, kind, name)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container(workload)[probe]["httpGet"]
            assert asked["path"] in paths
            assert asked["port"] == "http"
        assert container(workload)["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert container(workload)["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        scraped = pod(workload)["metadata"]["annotations"]
        assert scraped["prometheus.io/path"] in paths
        assert int(scraped["prometheus.io/port"]) == container(workload)["ports"][0]["containerPort"]


@pytest.mark.parametrize(
    ("kind", "name", "least_s"), [("Deployment", "backend", 900), ("StatefulSet", "postgres", 3600)]
)
def test_who_migrates_or_recovers_is_not_killed_over_it(
    manifests: list[Manifest], kind: str, name: str, least_s: int
) -> None:
    probe = container(the(manifests, kind, name))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= least_s


def test_images_are_those_of_the_compose_stack() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    images = {one["metadata"]["name"]: container(one)["image"] for one in of_kind(as_they_lie(), *WORKLOADS)}
    for name in ("backend", "sfu", "postgres"):
        assert images[name] == re.sub(r"\$\{\w+:-(.+?)\}", r"\1", composed[name]["image"])
    assert images["backup"] == images["postgres"], "pg_dump is of the server's version"


def test_pods_have_no_more_rights_than_they_need(manifests: list[Manifest]) -> None:
    for workload in of_kind(manifests, *WORKLOADS):
        spec, only = pod(workload)["spec"], container(workload)
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        user = 999 if only["image"].startswith("postgres:") else 10001
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == user
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in only["resources"]["limits"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)


def test_the_ingress_leads_to_the_backend_and_keeps_the_inside_closed(manifests: list[Manifest]) -> None:
    ingress = the(manifests, "Ingress", "vtp")["spec"]
    [rule] = ingress["rules"]
    paths = {one["path"]: one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    assert paths == {"/": "backend", "/metrics": "nowhere", "/internal": "nowhere"}
    assert ingress["tls"][0]["hosts"] == [rule["host"]]
    for name in set(paths.values()):
        assert {port["name"] for port in the(manifests, "Service", name)["spec"]["ports"]} == {"http"}


def test_the_backup_is_told_what_its_script_asks_for(manifests: list[Manifest]) -> None:
    known = (DEPLOY / "backup" / "common.sh").read_text()
    for name in environment(manifests, the(manifests, "CronJob", "backup"), {}):
        assert re.search(rf"\b{name}\b", known)


@pytest.mark.parametrize(("node", "announced"), [("media-1", "192.0.2.11"), ("media-9", "10.0.0.9")])
def test_an_sfu_announces_its_nodes_public_address_where_there_is_one(
    tmp_path: Path, node: str, announced: str
) -> None:
    [patch] = documents(K8S / "components" / "public-addresses" / "announce.yaml")
    *shell, script = container(patch)["command"]
    (tmp_path / "media-1").write_text("192.0.2.11")
    (tmp_path / "python3").write_text('#!/bin/sh\necho "$RTC_ANNOUNCED_IP $*"\n')
    (tmp_path / "python3").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NODE_NAME": node, "RTC_ANNOUNCED_IP": "10.0.0.9"}
    moved = script.replace("/etc/vtp/addresses", str(tmp_path))
    done = subprocess.run([*shell, moved], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{announced} -m sfu\n"


def test_prometheus_finds_both_services_and_has_the_sfus_token() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load((K8S / "prometheus.yml").read_text())["scrape_configs"]}
    alone = {job["job_name"]: job for job in compose_scrape_jobs()}
    for name in ("backend", "sfu"):
        job = jobs[f"vtp-{name}"]
        [workload] = [one for one in of_kind(as_they_lie(), *WORKLOADS) if one["metadata"]["name"] == name]
        assert job.get("authorization") == alone[f"vtp-{name}"].get("authorization")
        by_name, by_port, _ = job["relabel_configs"]
        assert by_name["regex"] == pod(workload)["metadata"]["labels"]["app.kubernetes.io/name"]
        assert by_port["regex"] in {port["name"] for port in container(workload)["ports"]}


def compose_scrape_jobs() -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())[
        "scrape_configs"
    ]
    return jobs


def test_the_readme_names_what_there_is() -> None:
    readme = (K8S / "README.md").read_text()
    for name in re.findall(r"\bdeploy/[\w./-]*\w", readme.replace("overlays/school", "overlays/example")):
        assert (REPOSITORY / name).exists() or name == "deploy/secrets", name
    objects = {(one["kind"].lower(), one["metadata"]["name"]) for one in as_they_lie()}
    for kind, name in re.findall(r"\b(deployment|statefulset|cronjob)/(\w+)", readme):
        assert (kind, name) in objects
