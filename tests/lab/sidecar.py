"""One running pod: its network namespace, pilot-agent with Envoy, DNS, and the outside hosts it can reach."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from tests.lab import kubelet, network
from tests.lab.accesslog import SidecarLog
from tests.lab.control import ControlPlane
from tests.lab.objects import capture_settings
from tests.lab.parts import envoy
from tests.lab.processes import LIMIT, LabError, children, run, wait_for
from tests.lab.scenario import Host, Pod, Probe

ADMIN = 15000
ROOT = Path(__file__).resolve().parents[2]
ACCEPTED_CERTIFICATES = "ssl/certs/ca-certificates.crt"
"""Debian's list of authorities under /etc; in a pod it holds the lab's authority alone, which outside hosts have."""


class RunningPod:
    """A pod with a sidecar (or a gateway). `short` is its name among the lab's processes and namespaces."""

    def __init__(self, pod: Pod, number: int, control: ControlPlane, net: network.Network) -> None:
        self.pod = pod
        self.ip = f"10.244.{77 + number // 240}.{number % 240 + 10}"
        self.short = f"p{number}"
        self.folder = control.folder / "pods" / self.short
        self.folder.mkdir(parents=True)
        self.control, self.network = control, net
        self.netns = net.name(self.short)
        self.log = SidecarLog(self.folder / "istio-proxy.log")
        self.forward = self.folder / "forward"
        self.forward_admin_to(ADMIN)
        self._helpers: list[str] = []

    def start(self, hosts: Sequence[Host]) -> None:
        """Everything but waiting for Envoy; see `live`."""
        self.network.add(self.short, self.ip, (ip for host in hosts for ip in host.ips))
        authorities = network.RESOLVERS / self.netns / ACCEPTED_CERTIFICATES
        authorities.parent.mkdir(parents=True)
        authorities.write_bytes(self.control.authority.certificate.read_bytes())
        self._start_outside(hosts)
        if not self.pod.gateway:
            spared, captured = _redirects(capture_settings(self.pod))
            network.redirect(self.netns, spared, captured, self.pod.dns_capture)
        self._identity()
        self.start_proxy()

    def start_proxy(self) -> None:
        """pilot-agent and Envoy."""
        role = "router" if self.pod.gateway else "sidecar"
        agent = self.control.parts.program("pilot-agent")
        command = ["ip", "netns", "exec", self.netns, str(agent), "proxy", role]
        command += ["--domain", f"{self.pod.namespace}.svc.cluster.local"]
        process = self.control.processes.start(
            f"{self.short}-proxy", *command, env=self._environment(), cwd=self.folder, pipe=True
        )
        assert process.stdout is not None
        self.log.follow(process.stdout)

    def live(self) -> None:
        """Wait until Envoy has its configuration. Raises `LabError` with the end of its log."""
        try:
            wait_for(f"Envoy of {self.pod.key}", lambda: json.loads(self.admin("/server_info"))["state"] == "LIVE")
        except LabError as error:
            raise LabError(f"{error}\n{self.log.tail()}") from None

    def admin(self, path: str, limit: float = LIMIT) -> bytes:
        """A page of Envoy's admin interface. Raises OSError, and `LabError` for any status but 200."""
        with contextlib.closing(network.connect(self.netns, ADMIN, limit)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            body = answer.read()
        if answer.status != 200:
            raise LabError(f"{self.pod.key}: {path} gave {answer.status}")
        return body

    def connect(self, probes: Sequence[Probe], limit: float) -> list[dict[str, Any]]:
        """Open these connections at once, as the application; gives what `client.py` saw of each."""
        client = [sys.executable, "-I", str(Path(__file__).with_name("client.py"))]
        asked = json.dumps([to_builtins(probe) for probe in probes])
        user = str(network.APPLICATION_UID)
        command = ("ip", "netns", "exec", self.netns, *client, self.ip, user, str(limit))
        seen: list[dict[str, Any]] = json.loads(run(*command, stdin=asked))
        return seen

    def envoy_pid(self) -> int:
        """Process id of Envoy."""
        agent = self.control.processes.pid(f"{self.short}-proxy")
        for pid in (agent, *children(agent)):
            if os.path.realpath(f"/proc/{pid}/exe") == str(envoy().resolve()):
                return pid
        raise LabError(f"{self.pod.key} runs no Envoy")

    def stop(self) -> None:
        """End its processes and remove its namespace."""
        names = [f"{self.short}-proxy", *self._helpers]
        self.control.processes.stop(*names, by=signal.SIGKILL)
        self.network.remove(self.short)

    def inside(self, name: str, *command: str | Path) -> None:
        """Start a program in the pod's namespace; it ends with the pod."""
        self._helpers.append(f"{self.short}-{name}")
        self.control.processes.start(self._helpers[-1], "ip", "netns", "exec", self.netns, *command, cwd=ROOT)

    def end(self, name: str) -> None:
        """End a program that `inside` started."""
        self._helpers.remove(f"{self.short}-{name}")
        self.control.processes.stop(f"{self.short}-{name}", by=signal.SIGKILL)

    def forward_admin_to(self, port: int) -> None:
        """What port-forward to the admin port meets from now on: this port in the pod."""
        kubelet.write_forward(self.forward, self.netns, port)

    def _start_outside(self, hosts: Sequence[Host]) -> None:
        names = self.folder / "hosts"
        lines = {f"{ip} {name}\n" for host in hosts for name, ips in host.answers.items() for ip in ips}
        names.write_text("".join(sorted(lines)))
        answer = ["dnsmasq", "-k", "-R", "-h", "-H", str(names), "--listen-address=127.0.0.1", "--bind-interfaces"]
        self.inside("dns", *answer, "--pid-file=", "--user=root", "--cache-size=0")
        self.inside(
            "xds", "socat", "TCP-LISTEN:15010,bind=127.0.0.1,fork,reuseaddr", f"UNIX-CONNECT:{self.control.xds_socket}"
        )
        if hosts:
            spec = self.folder / "outside.json"
            spec.write_text(json.dumps([self._served(host) for host in hosts]))
            self.inside("outside", sys.executable, "-m", "tests.lab.outside", spec)
            name = f"{self.short}-outside"
            self.control.processes.ready(name, lambda: "ready" in self.control.processes.log(name))

    def _served(self, host: Host) -> dict[str, Any]:
        names = [f"DNS:{name}" for name in (host.host, *host.names)]
        file = f"outside-{host.host.replace('*', 'any')}"
        pair = self.control.authority.issue(file, *names)
        ports = {str(port): kind for port, kind in host.ports.items()}
        served = {"host": host.host, "names": host.names, "ips": host.ips, "ports": ports}
        return served | {"certificate": str(pair.certificate), "key": str(pair.key)}

    def _identity(self) -> None:
        """The workload's certificate as a file, where pilot-agent looks before it asks an authority."""
        for folder in ("etc/istio/proxy", "var/lib/istio/data"):
            (self.folder / folder).mkdir(parents=True)
        secrets = self.folder / "var/run/secrets/workload-spiffe-credentials"
        secrets.mkdir(parents=True)
        spiffe = f"URI:spiffe://cluster.local/ns/{self.pod.namespace}/sa/default"
        pair = self.control.mesh_authority.issue(f"workload-{self.pod.namespace}", spiffe)
        (secrets / "cert-chain.pem").write_bytes(pair.certificate.read_bytes())
        (secrets / "key.pem").write_bytes(pair.key.read_bytes())
        (secrets / "root-cert.pem").write_bytes(self.control.mesh_authority.certificate.read_bytes())

    def _environment(self) -> dict[str, str]:
        settings = {
            "discoveryAddress": "127.0.0.1:15010",
            "controlPlaneAuthPolicy": "NONE",
            "configPath": "./etc/istio/proxy",
            "binaryPath": str(envoy()),
            "concurrency": 1,
            # Access log lines are waited for; Istio's second would be most of a test's time.
            "fileFlushInterval": "0.050s",
        }
        own = {
            "POD_NAME": self.pod.name,
            "POD_NAMESPACE": self.pod.namespace,
            "INSTANCE_IP": self.ip,
            "SERVICE_ACCOUNT": "default",
            "ISTIO_META_CLUSTER_ID": "Kubernetes",
            "ISTIO_META_MESH_ID": "cluster.local",
            "ISTIO_META_INTERCEPTION_MODE": "REDIRECT",
            "ISTIO_META_WORKLOAD_NAME": self.pod.name.rsplit("-", 2)[0],
            "ISTIO_META_ISTIO_VERSION": self.pod.istio_version,
            "ISTIO_METAJSON_LABELS": json.dumps(self.pod.labels),
            "ISTIO_BOOTSTRAP": str(self.control.parts.file("envoy_bootstrap.json")),
            "PROXY_CONFIG": json.dumps(settings),
        }
        capture = {"ISTIO_META_DNS_CAPTURE": "true"} if self.pod.dns_capture else {}
        return {**os.environ, **own, **capture, **self.pod.agent}


def _redirects(settings: dict[str, str]) -> tuple[list[list[str]], list[list[str]]]:
    """(what stays out, what is captured), as istio-iptables reads its flags (tools/istio-iptables/pkg/capture)."""

    def listed(name: str) -> list[str]:
        return [one.strip() for one in settings.get(name, "").split(",") if one.strip()]

    spared = [["--dport", port] for port in listed("excludeOutboundPorts")]
    spared += [["-d", one] for one in listed("excludeOutboundIPRanges")]
    wanted = settings.get("includeOutboundIPRanges", "*")
    ranges = ["0.0.0.0/0"] if wanted == "*" else listed("includeOutboundIPRanges")
    captured = [["--dport", port] for port in listed("includeOutboundPorts")]
    return spared, captured + [["-d", one] for one in ranges]
