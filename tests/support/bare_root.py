"""Root file systems made of layers, and programs that run in them, where there is no container engine.

What an engine does to run a program, by the kernel's own means: layers in a mount namespace of its own (so that
nothing stays mounted, whatever happens), /proc and /dev, a new root, another user without capabilities.
Needs root. The network is the host's.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

UNSHARE = ("unshare", "--mount", "--propagation", "private", "/bin/sh", "-euc")

UNPRIVILEGED = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
"""`cap_drop: [ALL]` and `no-new-privileges`, as setpriv says it."""

IN_ANY_ROOT = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the host that is seen at `target`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What to run in a root. `user` is `uid:gid`, empty for root with all its rights."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"
    user: str = ""
    mounts: Sequence[Mount] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    """Path to mount options."""
    read_only: bool = False


@cache
def can_overlay() -> bool:
    """Tell whether the kernel can lay folders over each other here; else they are copied, which takes longer."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("lower", "upper", "work", "merged"):
            Path(folder, name).mkdir()
        options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        script = f"mount -t overlay overlay -o {options} {folder}/merged"
        return subprocess.run([*UNSHARE, script], capture_output=True, check=False).returncode == 0


class Root:
    """A root file system that begins as a parent's, and changes without changing it.

    `folder` is where it keeps what it adds. Only one program that writes may run in it at a time.
    """

    def __init__(self, folder: Path, parent: "Root | Path") -> None:
        self._layers = parent.layers if isinstance(parent, Root) else (parent,)
        self._upper = folder / "upper"
        for made in (self._upper, folder / "work", folder / "merged"):
            made.mkdir(parents=True)
        self._merged = folder / "merged"
        if not can_overlay():
            subprocess.run(["cp", "-a", f"{self._layers[0]}/.", self._upper], check=True)

    @property
    def layers(self) -> tuple[Path, ...]:
        """The folders it is made of, the uppermost first."""
        return (self._upper, *self._layers) if can_overlay() else (self._upper,)

    @property
    def added(self) -> Path:
        """The folder with what was added or changed."""
        return self._upper

    def command(self, program: Program) -> list[str]:
        """Return the command that runs a program in this root, and is replaced by it."""
        lines = [*self._mounted(), *self._furnished(program)]
        if program.read_only:
            lines.append(f"mount -o remount,bind,ro {self._merged}")
        lines.append(f"exec {shlex.join(self._start(program))}")
        return [*UNSHARE, "\n".join(lines)]

    def enter(self, pid: int, program: Program) -> list[str]:
        """Return the command that runs a program in the same mounts as one that runs in this root already."""
        return ["nsenter", f"--target={pid}", "--mount", "--root", *self._start(program)[2:]]

    def shell(self, script: str) -> list[str]:
        """Return the command that runs a shell script on the host while this root is mounted at `$ROOT`."""
        return [*UNSHARE, "\n".join([*self._mounted(), f"ROOT={self._merged}", script])]

    def _mounted(self) -> list[str]:
        if not can_overlay():
            return [f"mount --bind {self._upper} {self._merged}"]
        lower = ":".join(map(str, self._layers))
        work = self._upper.with_name("work")
        return [
            f"mount -t overlay overlay -o lowerdir={lower},upperdir={self._upper},workdir={work} {self._merged}",
            # An overlay is made read-only by a second mount of it, as an engine's are.
            f"mount --bind {self._merged} {self._merged}",
        ]

    def _furnished(self, program: Program) -> list[str]:
        lines = [f"mkdir -p {self._merged}/proc {self._merged}/dev"]
        lines += [f"mount --rbind /{name} {self._merged}/{name}" for name in ("proc", "dev")]
        for path, options in program.tmpfs.items():
            at = shlex.quote(f"{self._merged}{path}")
            lines += [f"mkdir -p {at}", f"mount -t tmpfs -o {shlex.quote(options)} tmpfs {at}"]
        for mount in program.mounts:
            lines += self._bind(mount)
        return lines

    def _bind(self, mount: Mount) -> list[str]:
        source, at = shlex.quote(str(mount.source)), shlex.quote(f"{self._merged}{mount.target}")
        make = f"mkdir -p {at}" if mount.source.is_dir() else f"mkdir -p $(dirname {at}); touch {at}"
        lines = [make, f"mount --bind {source} {at}"]
        return lines if mount.writable else [*lines, f"mount -o remount,bind,ro {at}"]

    def _start(self, program: Program) -> list[str]:
        start = ["chroot", str(self._merged)]
        if program.user:
            uid, _, gid = program.user.partition(":")
            start += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *UNPRIVILEGED, "--"]
        where = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', program.cwd]
        env = [f"{name}={value}" for name, value in program.env.items()]
        return [*start, "env", "-i", *env, *where, *program.argv]


def host_env() -> dict[str, str]:
    """Return the environment for commands that begin on the host and end in a root."""
    return {"PATH": f"{os.environ.get('PATH', '')}:{IN_ANY_ROOT}"}
