"""The running lab: a control plane for a whole session, and one mesh after another in it.

`running` starts and ends it. `load` replaces the mesh, `apply` and `delete` change it, `settle` waits until every
Envoy runs what the objects mean, `connect` opens connections, `capture` writes what `meshdoctor check --from` reads.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.lab import kubelet, network, objects, processes
from tests.lab.api import Object, plain_http
from tests.lab.client import ANSWER_LIMIT
from tests.lab.control import ControlPlane
from tests.lab.kinds import CLEARED, ISTIO, ISTIO_NAMES, MESH_KINDS
from tests.lab.network import Network
from tests.lab.parts import Parts
from tests.lab.probes import Clusters, Seen, judged
from tests.lab.processes import Processes, wait_for
from tests.lab.scenario import Host, Pod, Probe, Scenario
from tests.lab.sidecar import ROOT, RunningPod

QUIET_LOOKS, LOOK_EVERY = 8, 0.06
"""Envoy's configuration counts as settled when this many looks in a row see the same one and nothing warming."""

STUCK_LOOKS = 50
"""And when what is warming has stayed the same for this many: it waits for what never comes, a file that is absent."""

LOG_PATIENCE = 1.0
"""Seconds in which an access log line comes, if it comes: Envoy writes every 50 ms."""


class Lab:
    """A running lab."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self.folder = folder
        self.processes = Processes(folder)
        self.network = Network()
        self.control = ControlPlane(parts, folder, self.processes)
        self.api = self.control.api
        self.kubeconfig = self.control.kubeconfig
        self.pods: dict[str, RunningPod] = {}
        """Pods with a proxy, by name."""
        self.hosts: Sequence[Host] = ()
        self._number = 0
        self._with_mesh: list[str] = []
        self._namespaces: set[str] = set(objects.SYSTEM_NAMESPACES)

    def load(self, scenario: Scenario) -> None:
        """Replace whatever is there by this mesh, with its pods running and settled."""
        self.clear()
        self.control.configure(scenario.mesh, scenario.istiod)
        self.hosts = scenario.hosts
        self.add_namespaces(*{pod.namespace for pod in scenario.pods})
        self._add_batches(scenario.objects)
        self.add_pods(*scenario.pods)
        self.settle()

    def exchange(self, scenario: Scenario) -> None:
        """Replace the mesh's objects and settings by another's, while the pods keep running."""
        self.api.delete_all(o for o in self._objects(MESH_KINDS) if not _is_system(o))
        self.control.configure(scenario.mesh, scenario.istiod)
        self._add_batches(scenario.objects)
        self.settle()

    def clear(self) -> None:
        """End every pod and delete every object a scenario or test may have made; namespaces stay."""
        self._end_pods()
        self.api.delete_all(o for o in self._objects(CLEARED) if not _is_system(o))

    def add_namespaces(self, *names: str) -> None:
        """Namespaces with injection asked for."""
        self.api.apply_all([objects.namespace(name) for name in sorted(set(names) - self._namespaces)])
        self._namespaces.update(names)

    def add_pods(self, *pods: Pod) -> None:
        """Start pods: their objects, their network, their proxies. Returns when every Envoy is live."""
        started = []
        for pod in pods:
            running = RunningPod(pod, self._number, self.control, self.network)
            self._number += 1
            self._add_objects(pod, running.ip)
            if pod.sidecar:
                self.pods[pod.name] = running
                self._tell_kubelet(running)
                started.append(running)
        self._add_endpoints()
        for running in started:
            running.start(self.hosts)
        for running in started:
            running.live()
            wait_for(f"the kubelet to know {running.pod.key}", lambda pod=running.pod: self.sidecar_log(pod))  # type: ignore[misc]

    def replace_pod(self, old: str, new: Pod) -> None:
        """End one pod, with its object, and start another in its place."""
        running = self.pods.pop(old)
        running.stop()
        self.api.delete(objects.pod_object(running.pod, None))
        self.add_pods(new)
        self.settle()

    def sidecar_log(self, pod: Pod, **query: str) -> str:
        """A sidecar's log as the API server gives it."""
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
        text: str = self.api.request("GET", f"{path}?{urlencode({'container': kubelet.SIDECAR, **query})}")
        return text

    def apply(self, *given: Object) -> list[Object]:
        """Apply objects and settle."""
        self.add_namespaces(*(o["metadata"]["namespace"] for o in given if "namespace" in o["metadata"]))
        applied = self.api.put_all(given)
        self.settle()
        return applied

    def delete(self, *given: Object) -> None:
        """Delete objects and settle."""
        self.api.delete_all(given)
        self.settle()

    def next_second(self) -> None:
        """Wait until an object made now is younger than those made before."""
        now = int(time.time())
        wait_for("the next second", lambda: int(time.time()) > now)

    def settle(self) -> None:
        """Wait until istiod has read all objects and every Envoy has taken what follows from them."""
        wait_for("istiod to read the objects", lambda: self._stored() == self._read_by_istiod())
        for running in self.pods.values():
            self._settle(running)

    def connect(self, *probes: Probe, limit: float = ANSWER_LIMIT) -> list[Seen]:
        """Open connections, those of one pod all at once; what became of each, in the order given.

        After `limit` seconds without a word a connection counts as hanging.
        """
        seen: dict[int, Seen] = {}
        for name in {probe.pod for probe in probes}:
            mine = [n for n, probe in enumerate(probes) if probe.pod == name]
            pod = self.pods[name]
            clusters = clusters_of(pod)
            pod.log.forget()
            reports = pod.connect([probes[n] for n in mine], limit)
            logged = pod.log.of([r["client"] for r in reports if "client" in r], LOG_PATIENCE)
            for n, report in zip(mine, reports, strict=True):
                seen[n] = judged(probes[n], report, logged.get(report.get("client", ""), []), clusters)
        return [seen[n] for n in range(len(probes))]

    def capture(self, folder: Path) -> Path:
        """Write a capture of the mesh as it is, in the capture layout, by the lab's own means."""
        from tests.lab.capture import write_capture

        return write_capture(self, folder)

    def stop(self) -> None:
        """End everything."""
        self.api.close()
        plain_http().clear()
        self.processes.stop(*self.processes.names(), by=signal.SIGKILL)
        self.network.remove_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_with_mesh(self, name: str, *command: str | Path) -> None:
        """Start a program on the machine that ends with the mesh."""
        self._with_mesh.append(name)
        self.processes.start(name, *command, cwd=ROOT)

    def _objects(self, kinds: Mapping[str, Iterable[str]]) -> list[Object]:
        """Every object of these kinds: apiVersion to plurals."""
        lists = [self.api.listed(version, plural) for version, plurals in kinds.items() for plural in plurals]
        return [item for one in lists for item in one["items"]]

    def _add_batches(self, batches: Sequence[Sequence[Object]]) -> None:
        """Each batch younger than the one before by a second at least."""
        for number, batch in enumerate(batches):
            self.add_namespaces(*{o["metadata"]["namespace"] for o in batch if "namespace" in o["metadata"]})
            if number:
                self.next_second()
            self.api.put_all(batch)

    def _end_pods(self) -> None:
        self.processes.stop(*self._with_mesh)
        self._with_mesh.clear()
        for running in self.pods.values():
            running.stop()
        self.pods.clear()

    def _add_objects(self, pod: Pod, ip: str) -> None:
        """A pod with its Deployment and ReplicaSet where its name speaks of one, running."""
        owner = None
        if pod.name.count("-") >= 2:
            owner = self.api.apply(objects.replica_set(pod, self.api.apply(objects.deployment(pod))))
        made = self.api.apply(objects.pod_object(pod, owner))
        self.api.apply(objects.running_status(made, ip), status=True)

    def _tell_kubelet(self, running: RunningPod) -> None:
        at = (running.pod.namespace, running.pod.name)
        told = [kubelet.forward_by(*at, running.forward)]
        told += [kubelet.exec_in_netns(*at, running.netns, running.folder)]
        self.api.apply_all([*told, kubelet.logs_from(*at, running.log.path)])

    def _add_endpoints(self) -> None:
        pods = {name: (running.pod, running.ip) for name, running in self.pods.items()}
        self.api.apply_all(objects.endpoint_slices(self.api.items("v1", "services"), pods))

    def _stored(self) -> set[tuple[str, ...]]:
        """Every Istio object as the API server has it now."""
        return {_version(item) for item in self._objects(ISTIO)}

    def _read_by_istiod(self) -> set[tuple[str, ...]]:
        return {_version(item) for item in self.control.debug("configz") if item["kind"] in ISTIO_NAMES}

    def _settle(self, running: RunningPod) -> None:
        last: Any = None
        same = 0

        def quiet() -> bool:
            nonlocal last, same
            page = running.admin("/config_dump")
            now = json.loads(page)
            same = same + 1 if now == last else 0
            last = now
            is_warming = b"_warming_" in page or b'"warming_state"' in page
            return same >= (STUCK_LOOKS if is_warming else QUIET_LOOKS)

        wait_for(f"a quiet Envoy in {running.pod.key}", quiet, every=LOOK_EVERY)


@contextlib.contextmanager
def running(parts: Parts) -> Iterator[Lab]:
    """A lab of its own ports, folder and namespaces, ended whatever happens."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix="meshdoctor-lab-"))
    lab = None
    try:
        lab = Lab(parts, folder)
        lab.control.start()
        yield lab
    finally:
        if lab is not None:
            lab.stop()


def sweep() -> None:
    """Remove what labs left behind whose process was killed."""
    processes.sweep()
    network.sweep()


def clusters_of(pod: RunningPod) -> Clusters:
    """The clusters of a running proxy."""
    dump = json.loads(pod.admin("/config_dump?resource=dynamic_active_clusters"))
    types = {
        c["cluster"]["name"]: c["cluster"].get("type", "STATIC") for c in dump.get("configs", ()) if "cluster" in c
    }
    endpoints = {}
    for status in json.loads(pod.admin("/clusters?format=json"))["cluster_statuses"]:
        sockets = [host["address"].get("socket_address") for host in status.get("host_statuses", ())]
        endpoints[status["name"]] = frozenset(f"{s['address']}:{s['port_value']}" for s in sockets if s)
    return Clusters(types, endpoints)


def _version(item: Object) -> tuple[str, ...]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"], meta["resourceVersion"]


def _is_system(item: Object) -> bool:
    """What belongs to the cluster, not to a mesh in it."""
    meta = item["metadata"]
    mine = item["kind"] == "ConfigMap" and (meta["name"] in ("istio", "kube-root-ca.crt") or "istio-" in meta["name"])
    return mine or meta["namespace"] == "kube-system" or meta["name"].startswith("kubernetes")
