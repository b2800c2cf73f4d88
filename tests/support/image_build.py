"""Build images from a Dockerfile without a container engine: each instruction as it stands, in a bare root.

Stages that do not need each other are built at the same time, and only what a target needs, as BuildKit does it.
Packages come from where this machine's own pip and npm are told to look; the Dockerfile knows nothing of it.
"""

import os
import posixpath
import shlex
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from docker.utils import exclude_paths

from tests.support.bare_root import IN_ANY_ROOT, Mount, Program, Root, host_env
from tests.support.dockerfile import Instruction, Stage

RUN_WITHIN_S = 240

PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "cert", "proxy", "timeout")
"""Of pip's configuration, what says where packages come from."""

PLAIN = ("--owner=0", "--group=0", "--mode=go-rwx", "--no-recursion")
"""How files of the context become those of an image: with their modes, here of a checkout under umask 077."""

CLIENT_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "npm_config_registry")


class BuildError(Exception):
    """An instruction failed; the message has it and what it said."""


@dataclass(frozen=True, slots=True)
class Image:
    """A root and how programs are started in it."""

    root: Root
    env: dict[str, str] = field(default_factory=lambda: {"PATH": IN_ANY_ROOT})
    cwd: str = "/"
    user: str = ""
    command: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str = "SIGTERM"

    def program(self, *argv: str) -> Program:
        """Return a program that runs as this image says; without words its command."""
        return Program(argv or self.command, self.env, self.cwd, self.user)


class Builder:
    """Builds the stages of a Dockerfile; `context` is the folder that COPY takes from, `base` its FROM's root."""

    def __init__(self, stages: dict[str, Stage], context: Path, base: Path, folder: Path) -> None:
        self._stages, self._context, self._base, self._folder = stages, context, base, folder
        self._sent = context_files(context)
        self._pool = ThreadPoolExecutor(max_workers=len(stages))
        self._built: dict[str, Future[Image]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def build(self, targets: Iterable[str]) -> dict[str, Image]:
        """Build the targets and what they need. Raises: BuildError."""
        wanted, names = set(targets), set(targets)
        while names:
            names = set().union(*(self._stages[name].sources() for name in names)) & self._stages.keys()
            wanted |= names
        for name, stage in self._stages.items():  # whoever is needed stands before who needs it
            if name in wanted:
                self._built[name] = self._pool.submit(self._stage, stage)
        return {name: self._built[name].result() for name in targets}

    def _stage(self, stage: Stage) -> Image:
        parent = self._built[stage.parent].result() if stage.parent in self._built else None
        root = Root(self._folder / stage.name, parent.root if parent else self._base)
        image = replace(parent, root=root) if parent else Image(root)
        arguments: dict[str, str] = {}
        for instruction in stage.instructions:
            image = self._apply(image, instruction, arguments)
        return image

    def _apply(self, image: Image, line: Instruction, arguments: dict[str, str]) -> Image:
        variables = {**arguments, **image.env}
        match line.name:
            case "RUN":
                self._run(image, line.value)
            case "COPY":
                self._copy(image, line)
            case "ARG":
                arguments |= line.pairs(variables)
            case "ENV":
                return replace(image, env={**image.env, **line.pairs(variables)})
            case "LABEL":
                return replace(image, labels={**image.labels, **line.pairs(variables)})
            case "WORKDIR":
                _call(image.root.shell(f'mkdir -p "$ROOT"{shlex.quote(line.value)}'), f"WORKDIR {line.value}")
                return replace(image, cwd=posixpath.join(image.cwd, line.value))
            case "USER":
                return replace(image, user=line.value)
            case "CMD":
                return replace(image, command=tuple(line.exec_form()))
            case "HEALTHCHECK":
                return replace(image, healthcheck=tuple(line.exec_form()))
            case "STOPSIGNAL":
                return replace(image, stop_signal=line.value)
        return image

    def _run(self, image: Image, command: str) -> None:
        env, mounts = package_sources()
        program = Program(
            ("/bin/sh", "-c", command), {"HOME": "/root", **env, **image.env}, image.cwd, image.user, mounts
        )
        _call(image.root.command(program), f"RUN {command}")

    def _copy(self, image: Image, line: Instruction) -> None:
        options, (*sources, target) = line.words()
        target = posixpath.join(image.cwd, target)
        if source := options.get("from"):
            origin = self._built[source].result().root
            pack = origin.shell(f'tar -C "$ROOT"{shlex.quote(sources[0])} -c .')
            self._unpack(pack, b"", image.root, target, line)
            return
        for name in sources:
            inside = [path for path in self._sent if path == name or path.startswith(f"{name}/")]
            if not inside:
                raise BuildError(f"COPY {line.value}: nothing of {name} is sent to the builder")
            folder = self._context / name if (self._context / name).is_dir() else (self._context / name).parent
            names = "\0".join(str((self._context / path).relative_to(folder)) for path in inside)
            pack = ["tar", "-C", str(folder), "-c", *PLAIN, "--null", "-T", "-"]
            self._unpack(pack, names.encode(), image.root, target, line)

    def _unpack(self, pack: list[str], names: bytes, root: Root, target: str, line: Instruction) -> None:
        packed = subprocess.run(pack, input=names, env=host_env(), capture_output=True, check=False)
        if packed.returncode:
            raise BuildError(f"COPY {line.value}: {packed.stderr.decode()}")
        at = f'"$ROOT"{shlex.quote(target)}'
        _call(root.shell(f"mkdir -p {at}; tar -C {at} -x"), f"COPY {line.value}", packed.stdout)


def context_files(context: Path) -> list[str]:
    """List the files and folders that are sent to the builder, as .dockerignore has it."""
    patterns = [
        line.strip()
        for line in (context / ".dockerignore").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return sorted(path for path in exclude_paths(str(context), patterns) if (context / path).is_file())


def package_sources() -> tuple[dict[str, str], list[Mount]]:
    """Return environment and files with which pip, npm and apt in a root fetch from where this machine does."""
    env = {name: value for name, value in os.environ.items() if name.lower() in CLIENT_VARIABLES}
    mounts = [Mount(Path("/etc") / name, f"/etc/{name}") for name in ("resolv.conf", "hosts")]
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    for line in asked.stdout.splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in PIP_OPTIONS:
            env[f"PIP_{option.upper().replace('-', '_')}"] = shlex.split(value)[0].replace("\n", " ")
    authorities = env.pop("PIP_CERT", None)
    if authorities and Path(authorities).exists():
        mounts.append(Mount(Path(authorities), "/run/build/authorities.pem"))
        env |= dict.fromkeys(("PIP_CERT", "NODE_EXTRA_CA_CERTS"), "/run/build/authorities.pem")
    npmrc = Path(os.environ.get("NPM_CONFIG_USERCONFIG", Path.home() / ".npmrc"))
    if npmrc.is_file():
        mounts.append(Mount(npmrc, "/run/build/npmrc"))
        env["NPM_CONFIG_USERCONFIG"] = "/run/build/npmrc"
    return env, mounts


def _call(command: list[str], what: str, given: bytes | None = None) -> None:
    done = subprocess.run(
        command, input=given, env=host_env(), capture_output=True, timeout=RUN_WITHIN_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
        raise BuildError(f"{what}\nended with {done.returncode}:\n{said}")
