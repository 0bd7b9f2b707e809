"""Plaintext passwords in a pod's environment: where they are. The values never leave this module."""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.mesh import PlainCredential, Pod
from meshdoctor.semantics.istio.traffic_capture import ISTIO_CONTAINERS
from meshdoctor.text.secrets import form_of_secret


def credentials(pods: Iterable[Pod]) -> tuple[PlainCredential, ...]:
    """Every variable of an application container whose literal value is, or holds, a password.

    Values from Secrets, ConfigMaps and fields are not literals. The marker of a redacted value counts as one.
    """
    return tuple(
        PlainCredential(pod, container.name, variable.name, form, variable.pointer)
        for pod in pods
        for container in pod.containers
        if container.name not in ISTIO_CONTAINERS
        for variable in container.env
        if variable.source == "literal" and variable.value and (form := form_of_secret(variable.name, variable.value))
    )
