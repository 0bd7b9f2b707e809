"""Small pods for the tests of what is read out of them, made by the reader itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshdoctor.facts.resources.core_objects import ConfigMap
from meshdoctor.facts.resources.object_metadata import ObjectSource
from meshdoctor.facts.resources.pod_reader import read_pod
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Pod
from meshdoctor.model.object_ref import ObjectRef

POINTER = Pointer("resources/pods.yaml", "$.items[0]")


def pod(
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
    **container: Any,
) -> Pod:
    """A pod `shop/web` with one container `app`, and IP 10.244.0.9."""
    variables = [{"name": name, "value": value} for name, value in (env or {}).items()]
    return read_body(
        {
            "metadata": {"name": "web", "namespace": "shop", "annotations": dict(annotations or {})},
            "spec": {"containers": [{"name": "app", "args": list(args), "env": variables, **container}]},
            "status": {"podIP": "10.244.0.9"},
        }
    )


def read_body(body: dict[str, Any], *config_maps: ConfigMap) -> Pod:
    """A pod out of its tree, with the ConfigMaps that were read."""
    known = {(c.ref.namespace, c.ref.name): c for c in config_maps}
    return read_pod(ObjectSource("Pod", "v1", body, POINTER), known)


def config_map(name: str, **data: str) -> ConfigMap:
    """A ConfigMap of namespace shop."""
    return ConfigMap(ObjectRef("ConfigMap", "shop", name), data, Pointer("resources/configmaps.yaml", "$.items[0]"))
