"""The Kubernetes manifests of `deploy/k8s/`, as they lie there and as kustomize merges them."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.services import REPOSITORY

K8S = REPOSITORY / "deploy" / "k8s"
EXAMPLE = K8S / "base" / "secrets.example.yaml"
WORKLOADS = ("Deployment", "StatefulSet", "CronJob")

Manifest = dict[str, Any]


def manifest_files() -> list[Path]:
    """Return every file that holds whole objects: no kustomizations, no patches."""
    return [*sorted((K8S / "base").glob("*.yaml")), *sorted((K8S / "components").glob("*/*.yaml"))]


def documents(file: Path) -> list[Manifest]:
    """Return the objects of a file."""
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def as_they_lie() -> list[Manifest]:
    """Return all objects of the base and the components, without patches and the example's Secret."""
    found = [one for file in manifest_files() if file != EXAMPLE for one in documents(file)]
    return [one for one in found if "kustomize" not in one["apiVersion"] and not _is_patch(one)]


def merged() -> list[Manifest]:
    """Return the example overlay as kustomize merges it, or skip the test where there is no kustomize."""
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, K8S / "overlays" / "example"], capture_output=True, check=True)
            return [one for one in yaml.safe_load_all(done.stdout) if one]
    pytest.skip("neither kustomize nor kubectl: the overlay is not merged")


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of some kinds."""
    return [one for one in manifests if one["kind"] in kinds]


def the(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one object of a kind and a name."""
    [found] = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod(workload: Manifest) -> Manifest:
    """Return a workload's pod template."""
    spec = workload["spec"]
    template: Manifest = (spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"]
    return template


def container(workload: Manifest) -> Manifest:
    """Return a workload's only container."""
    [only] = pod(workload)["spec"]["containers"]
    found: Manifest = only
    return found


def environment(manifests: list[Manifest], workload: Manifest, fields: dict[str, str]) -> dict[str, str]:
    """Return the container's environment; `fields` says what the downward API gives."""
    described = container(workload)
    env: dict[str, str] = {}
    for source in described.get("envFrom", []):
        env |= the(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in described["env"]:
        if "value" in variable:
            value = variable["value"]
            for name, known in env.items():
                value = value.replace(f"$({name})", known)
        else:
            value = fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        env[variable["name"]] = value
    return env


def keys_used(workload: Manifest) -> Iterator[tuple[str, str, str]]:
    """Tell each key that a workload mounts of a Secret or ConfigMap: kind, name, key."""
    for volume in pod(workload)["spec"].get("volumes", []):
        for kind, field, name in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
            for item in volume.get(field, {}).get("items", []):
                yield kind, volume[field][name], item["key"]


def _is_patch(manifest: Manifest) -> bool:
    return manifest["kind"] == "StatefulSet" and "selector" not in manifest["spec"]
