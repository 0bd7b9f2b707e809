"""Host names that a live run resolves by DNS."""

from __future__ import annotations

from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.clients.addresses_in_text import is_address
from meshdoctor.semantics.istio.registry import is_external_host


def names_to_resolve(mesh: Mesh) -> dict[str, str]:
    """Hosts that are dependencies or registered → `namespace/name` of a pod that uses them, `""` where none does.

    Wildcards, addresses, cluster-local names and what only a forward proxy resolves are left out.
    """
    found: dict[str, str] = {}
    for dependency in mesh.dependencies:
        if dependency.is_dialled and not is_address(dependency.host):
            found.setdefault(dependency.host, dependency.pod)
    for entry in mesh.service_entries:
        for host in entry.hosts:
            if not host.startswith("*") and not is_address(host) and is_external_host(host):
                found.setdefault(host, "")
    return found


def forward_proxies_of(mesh: Mesh, pod: str) -> list[str]:
    """Names of the forward proxies that a pod's clients use."""
    own = (one.host for one in mesh.dependencies if one.pod == pod and one.asked)
    return list(dict.fromkeys(host for host in own if not is_address(host)))
