"""Whose cluster, and as whom: kubeconfig, `--context`, or the service account of the pod meshdoctor runs in."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.kube.session import Login
from meshdoctor.text.nearest import nearest
from meshdoctor.text.printable import printable

IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def log_in(kubeconfig: Path | None = None, context: str | None = None) -> Login:
    """The login of a context, by default the current one; in a pod without kubeconfig its service account's.

    Raises `UsageError` for a context that is not there, `Unreadable` where there is no kubeconfig, or a broken one.
    """
    files = _files(kubeconfig)
    if not files:
        if context is None and kubeconfig is None and _is_in_cluster():
            return _service_account()
        raise Unreadable(_nothing(kubeconfig, context))
    return _from_files(os.pathsep.join(map(str, files)), context)


def _files(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig is not None:
        named = [kubeconfig]
    elif os.environ.get("KUBECONFIG"):
        named = [Path(part).expanduser() for part in os.environ["KUBECONFIG"].split(os.pathsep) if part]
    else:
        named = [Path("~/.kube/config").expanduser()]
    return [path for path in named if path.is_file()]


def _is_in_cluster() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (_ACCOUNT / "token").is_file()


def _nothing(kubeconfig: Path | None, context: str | None) -> str:
    named = kubeconfig or os.environ.get("KUBECONFIG")
    looked = f"there is no kubeconfig at {named}" if named else "there is no kubeconfig (~/.kube/config)"
    asked = f", so no context {context}" if context else ""
    return (
        f"{looked}{asked}. Set KUBECONFIG or give --kubeconfig FILE; without a cluster, give a capture with "
        "--from PATH, or try `meshdoctor demo`."
    )


def _service_account() -> Login:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_incluster_config

    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except ConfigException as problem:
        raise Unreadable(f"the pod's service account cannot be used: {problem}") from None
    space = _ACCOUNT / "namespace"
    return Login(IN_CLUSTER, space.read_text().strip() if space.is_file() else "default", configuration)


def _from_files(files: str, context: str | None) -> Login:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config

    configuration = Configuration()
    try:
        contexts, current = list_kube_config_contexts(config_file=files)
        chosen = _chosen(contexts, current, context, files)
        with _complaints() as complaints:
            load_kube_config(config_file=files, context=chosen["name"], client_configuration=configuration)
    except ConfigException as problem:
        raise Unreadable(f"{files} cannot be used: {_plain(problem)}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unreadable(f"{files} is no sound kubeconfig: {_plain(problem)}") from None
    except Exception as problem:
        # The YAML reader behind the client has exceptions of its own, which only it may import.
        if not type(problem).__module__.startswith("yaml"):
            raise
        raise Unreadable(f"{files} is not YAML: {_plain(problem)}") from None
    if complaints and not (configuration.api_key or configuration.cert_file):
        raise Unreadable(f"context {chosen['name']} of {files} gives no credentials: {'; '.join(complaints)}")
    return Login(chosen["name"], chosen["context"].get("namespace") or "default", configuration)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the client logs meanwhile. It logs a login plugin's failure and goes on as nobody (its kube_config.py)."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(_plain(record.getMessage()))

    listener, logger = Listener(logging.WARNING), logging.getLogger()
    logger.addHandler(listener)
    try:
        yield said
    finally:
        logger.removeHandler(listener)


def _chosen(contexts: list[Any], current: Any, wanted: str | None, files: str) -> Any:
    if wanted is None:
        if not current:
            raise Unreadable(f"{files} names no current context: give one with --context.")
        return current
    names = sorted(context["name"] for context in contexts)
    for context in contexts:
        if context["name"] == wanted:
            return context
    raise UsageError(f"no context {wanted} in {files}. {nearest(wanted, names)}")


def _plain(problem: BaseException | str) -> str:
    return printable(" ".join(str(problem).split()))[:300]
