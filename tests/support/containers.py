"""Run a service of the compose file in its image's root, as an engine would.

Base root and Debian's mirror come from this machine; where one cannot be had, the tests that ask are skipped.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.bare_root import IN_ANY_ROOT, Mount, Program, Root, host_env
from tests.support.debian_tools import ROOT as DEBIAN_TOOLS
from tests.support.debian_tools import tool
from tests.support.image_build import Image, package_sources
from tests.support.secret_watch import WATCH

SUITE = "trixie"
BASE = DEBIAN_TOOLS.with_name(f"debian-{SUITE}")
"""Kept from run to run: it takes twenty seconds to make, and the first RUN line brings its packages up to date."""

SLIM = "path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n"
"""What makes the slim image slim."""

HEALTHY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 30.0


def base_root() -> Path:
    """Return the root of Debian's smallest system, made at the first call, or skip the test."""
    if os.geteuid() != 0:
        pytest.skip("NOT ROOT: the images are not built and not run")
    with BASE.with_name(f"{BASE.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other test processes want it, too
        if not BASE.exists():
            _make_base()
    return BASE


def _make_base() -> None:
    debootstrap = tool("debootstrap", "debootstrap")
    aside = BASE.with_name(f"{BASE.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    env = {**debootstrap.env, "DEBOOTSTRAP_DIR": str(DEBIAN_TOOLS / "usr/share/debootstrap")}
    command = [debootstrap.path, "--variant=minbase", SUITE, aside, debian_mirror()]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO BASE ROOT: the images are not built and not run: {(done.stdout + done.stderr)[-600:]}")
    (aside / "etc/dpkg/dpkg.cfg.d/slim").write_text(f"{SLIM}force-unsafe-io\n")
    for part in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(aside / part)
        (aside / part).mkdir()
    (aside / "var/cache/apt/archives/partial").mkdir(parents=True)
    aside.rename(BASE)


def debian_mirror() -> str:
    """Return where this machine gets Debian's packages, by apt's own word."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    mirrors = [line.split()[0] for line in asked.stdout.splitlines() if line.endswith(" Debian")]
    if not mirrors:
        pytest.skip("APT NAMES NO MIRROR OF DEBIAN: the images are not built and not run")
    return mirrors[0]


@dataclass(slots=True)
class Container:
    """A service in its image's root. `log` is what it has written."""

    program: Program
    image: Image
    root: Root
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, image: Image, service: Mapping[str, Any], secrets: Path, log: Path, **here: str) -> "Container":
        """Make the container that the compose file describes; `here` are settings that only this machine needs."""
        given = {name: str(value) for name, value in service.get("environment", {}).items()}
        mounts = [Mount(secrets / name, f"/run/secrets/{name}") for name in service.get("secrets", [])]
        return cls(
            Program(
                argv=[*service.get("entrypoint", ()), *(service.get("command", image.command))],
                env={**image.env, **given, **here},
                cwd=image.cwd,
                user=service.get("user", image.user),
                mounts=mounts,
                tmpfs=dict(entry.partition(":")[::2] for entry in service.get("tmpfs", [])),
                read_only=service["read_only"],
            ),
            image,
            Root(log.with_suffix(".root"), image.root),
            log,
        )

    @property
    def pid(self) -> int:
        """The service's process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Run the image's command."""
        WATCH.settings(dict(self.program.env))
        WATCH.log_file(self.log.name, self.log)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.root.command(self.program), env=host_env(), stdout=out, stderr=out
            )

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run something in the running container, as the same user with the same environment."""
        inside = self.root.enter(self.pid, replace(self.program, argv=argv))
        return subprocess.run(inside, env=host_env(), capture_output=True, text=True, check=False)

    def probe(self) -> subprocess.CompletedProcess[str]:
        """Run the image's HEALTHCHECK."""
        return self.run(*self.image.healthcheck)

    def wait_until_healthy(self) -> None:
        """Probe until the service is healthy. Raises: AssertionError with its log."""
        deadline = time.monotonic() + HEALTHY_WITHIN_S
        while (probed := self.probe()).returncode != 0:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{probed.stdout}\n{self.log.read_text()}"

    def stop(self) -> int:
        """Send the image's stop signal; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.Signals[self.image.stop_signal])
        return self.process.wait(STOPPED_WITHIN_S)

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def install_in(root: Root, *packages: str) -> None:
    """Install Debian's packages in a root."""
    env, mounts = package_sources()
    command = f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(packages)}"
    program = Program(
        ("/bin/sh", "-c", command),
        {"PATH": IN_ANY_ROOT, "DEBIAN_FRONTEND": "noninteractive", **env},
        mounts=mounts,
    )
    done = subprocess.run(root.command(program), env=host_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
