"""The control plane: etcd, kube-apiserver, istiod and kwok, on free ports of loopback, with a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.lab.api import Api, Object, plain_http
from tests.lab.certificates import Authority, TokenKey
from tests.lab.kubelet import COMMAND_FOLDER, write_commands
from tests.lab.parts import Parts, tool
from tests.lab.processes import Processes, wait_for

ROOT_NAMESPACE = "istio-system"
ISSUER = "https://kubernetes.default.svc"
NODE = "node-1"
ADMIN_TOKEN = "lab-admin"

MESH: Mapping[str, Any] = {
    "rootNamespace": ROOT_NAMESPACE,
    "accessLogFile": "/dev/stdout",
    "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
}

EDITION = "trustDomainAliases"
"""A mesh setting that nothing outbound depends on; it says which edition of the settings istiod has read."""

ISTIOD: Mapping[str, str] = {
    "ENABLE_CA_SERVER": "false",
    "ENABLE_LEADER_ELECTION": "false",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    "INJECTION_WEBHOOK_CONFIG_NAME": "",
    # Stock Envoy has not got these two filters of Istio's own; neither is on the egress path.
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_DEBOUNCE_AFTER": "30ms",
    "PILOT_DEBOUNCE_MAX": "1s",
    "POD_NAME": "istiod-0",
    "POD_NAMESPACE": ROOT_NAMESPACE,
}


class ControlPlane:
    """Running once `start` returns. `api` is the administrator's account at the API server."""

    def __init__(self, parts: Parts, folder: Path, processes: Processes) -> None:
        self.parts, self.folder, self.processes = parts, folder, processes
        self.authority = Authority(folder / "pki")
        self.mesh_authority = Authority(folder / "pki-mesh")
        """Signs workloads. Outside hosts do not have it: mTLS towards them must fail."""
        self.token_key = TokenKey(folder / "pki")
        names = ("etcd", "peers", "api", "grpc", "debug", "monitoring", "kubelet")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.server = f"https://127.0.0.1:{self.ports['api']}"
        self.api = self.as_account(ADMIN_TOKEN)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(self.kubeconfig_for("admin", ADMIN_TOKEN))
        self.xds_socket = folder / "istiod.sock"
        self._mesh: Mapping[str, Any] = {}
        self._istiod: Mapping[str, str] = {}
        self._settings = 0

    def start(self) -> None:
        """Everything, in the order in which one needs the other."""
        self._start_etcd()
        self.start_api_server()
        self._prepare_cluster()
        self._start_kubelet()
        listen = f"UNIX-LISTEN:{self.xds_socket},fork,mode=666"
        self.processes.start("xds", _tool("socat"), listen, f"TCP:127.0.0.1:{self.ports['grpc']}")
        self._start_istiod({})

    def kubeconfig_for(self, user: str, token: str, **context: str) -> str:
        """The text of a kubeconfig: one cluster, one user, the context `lab`."""
        cluster = {"server": self.server, "certificate-authority": str(self.authority.certificate)}
        made = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user, **context}}],
        }
        return yaml.safe_dump(made, sort_keys=False)

    def as_account(self, token: str) -> Api:
        """The API server with another account's token; the caller closes it."""
        return Api(self.server, self.authority.certificate, token)

    def configure(self, mesh: Mapping[str, Any], istiod: Mapping[str, str]) -> None:
        """Mesh settings on top of MESH, and istiod's environment; istiod starts again only for the latter."""
        if dict(mesh) != dict(self._mesh):
            self._set_mesh(mesh)
        if dict(istiod) != dict(self._istiod):
            self.processes.stop("istiod")
            self._start_istiod(istiod)
        wait_for("istiod's mesh settings", lambda: self.debug("mesh").get(EDITION) == [self._edition()])

    def debug(self, page: str) -> Any:
        """One of istiod's debug pages, as JSON."""
        url = f"http://127.0.0.1:{self.ports['debug']}/debug/{page}"
        return json.loads(plain_http().request("GET", url).data)

    def restart_api_server(self) -> None:
        """End it and start it again on the same port with the same data."""
        self.stop_api_server()
        self.start_api_server()

    def stop_api_server(self) -> None:
        """Kill it, so that every connection breaks at once; `start_api_server` brings it back."""
        self.api.close()
        self.processes.stop("apiserver", by=signal.SIGKILL)

    def start_api_server(self) -> None:
        """The API server, ready."""
        pair = self.authority.issue("apiserver", "IP:127.0.0.1", "DNS:kubernetes.default.svc")
        tokens = self.folder / "pki" / "tokens.csv"
        tokens.write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")
        self.processes.start(
            "apiserver",
            self.parts.program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self.ports['etcd']}",
            f"--secure-port={self.ports['api']}",
            "--bind-address=127.0.0.1",
            f"--tls-cert-file={pair.certificate}",
            f"--tls-private-key-file={pair.key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.token_key.public}",
            f"--service-account-signing-key-file={self.token_key.private}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            # No controller makes accounts here, and pods are written as they are meant.
            "--disable-admission-plugins=ServiceAccount",
            "--kubelet-preferred-address-types=InternalIP",
            "--shutdown-delay-duration=0s",
        )
        self.processes.ready("apiserver", lambda: self.api.request("GET", "/readyz") == "ok")

    def _start_etcd(self) -> None:
        client, peers = (f"http://127.0.0.1:{self.ports[name]}" for name in ("etcd", "peers"))
        command = [_tool("etcd"), "--data-dir", str(self.folder / "etcd"), "--log-level", "error", "--unsafe-no-fsync"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peers]
        command += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"]
        self.processes.start("etcd", *command)
        self.processes.ready("etcd", lambda: plain_http().request("GET", f"{client}/health").status == 200)

    def _prepare_cluster(self) -> None:
        """Istio's and kwok's kinds, the root namespace, the mesh settings, one node."""
        for name in ("istio-crds.json", "kwok-crds.json"):
            self.api.apply_all(json.loads(self.parts.file(name).read_bytes()))
        for version in ("networking.istio.io/v1", "security.istio.io/v1", "kwok.x-k8s.io/v1alpha1"):
            wait_for(f"{version} served", lambda version=version: self.api.request("GET", self.api.root(version)))  # type: ignore[misc]
        self.api.apply(_plain("Namespace", ROOT_NAMESPACE))
        self._set_mesh({})
        node = _plain("Node", NODE)
        self.api.apply(node)
        ready = {"type": "Ready", "status": "True", "reason": "Lab", "message": "", **_TIMES}
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.ports["kubelet"]}},
            "conditions": [ready],
        }
        self.api.apply(node | {"status": status}, status=True)

    def _start_kubelet(self) -> None:
        """kwok: serves port-forward, exec and logs. Pods' status is set by the lab, so its stages are never used."""
        write_commands(self.folder / COMMAND_FOLDER, self.parts)
        pair = self.authority.issue("kubelet", "IP:127.0.0.1")
        address = f"127.0.0.1:{self.ports['kubelet']}"
        kinds = [f"{scope}{kind}" for kind in ("PortForward", "Exec", "Logs") for scope in ("", "Cluster")]
        self.processes.start(
            "kwok",
            self.parts.program("kwok"),
            *("--kubeconfig", str(self.kubeconfig)),
            *("--config", str(self.parts.file("stage-node.yaml")), "--config", str(self.parts.file("stage-pod.yaml"))),
            *("--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key)),
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            f"--server-address={address}",
            f"--enable-crds={','.join(kinds)}",
            # Exec finds a command on kwok's own PATH: there is only what a pod's container would have.
            env={**os.environ, "PATH": str(self.folder / COMMAND_FOLDER)},
        )

    def _set_mesh(self, mesh: Mapping[str, Any]) -> None:
        self._mesh, self._settings = mesh, self._settings + 1
        settings = {**MESH, **mesh, EDITION: [self._edition()]}
        data = {"mesh": yaml.safe_dump(settings), "meshNetworks": "networks: {}"}
        self.api.apply(_plain("ConfigMap", "istio", ROOT_NAMESPACE) | {"data": data})

    def _edition(self) -> str:
        return f"edition-{self._settings}"

    def _start_istiod(self, extra: Mapping[str, str]) -> None:
        self._istiod = extra
        ports = self.ports
        self.processes.start(
            "istiod",
            self.parts.program("pilot-discovery"),
            *("discovery", "--kubeconfig", str(self.kubeconfig)),
            *("--grpcAddr", f"127.0.0.1:{ports['grpc']}", "--httpAddr", f"127.0.0.1:{ports['debug']}"),
            *("--monitoringAddr", f"127.0.0.1:{ports['monitoring']}", "--ctrlz_port", "0"),
            *("--secureGRPCAddr", "", "--httpsAddr", ""),
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), **ISTIOD, **extra},
        )
        ready = f"http://127.0.0.1:{ports['debug']}/ready"
        self.processes.ready("istiod", lambda: plain_http().request("GET", ready).status == 200)


_TIMES = {"lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def _plain(kind: str, name: str, namespace: str = "") -> Object:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
    }


def _tool(name: str) -> str:
    found = tool(name)
    assert found is not None
    return found


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now; held together, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
