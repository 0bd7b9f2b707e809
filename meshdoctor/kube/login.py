"""Chooses cluster and credentials: kubeconfig and `--context`, or the service account of meshdoctor's own pod."""

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
        is_in_cluster = os.environ.get("KUBERNETES_SERVICE_HOST") and (_ACCOUNT / "token").is_file()
        if context is None and kubeconfig is None and is_in_cluster:
            return _service_account()
        raise Unreadable(_no_kubeconfig(kubeconfig, context))
    return _from_files(os.pathsep.join(map(str, files)), context)


def _files(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig is not None:
        named = [kubeconfig]
    elif os.environ.get("KUBECONFIG"):
        named = [Path(part).expanduser() for part in os.environ["KUBECONFIG"].split(os.pathsep) if part]
    else:
        named = [Path("~/.kube/config").expanduser()]
    return [path for path in named if path.is_file()]


def _no_kubeconfig(kubeconfig: Path | None, context: str | None) -> str:
    path = kubeconfig or os.environ.get("KUBECONFIG")
    missing = f"there is no kubeconfig at {path}" if path else "there is no kubeconfig (~/.kube/config)"
    unknown = f", so no context {context}" if context else ""
    return (
        f"{missing}{unknown}. Set KUBECONFIG or give --kubeconfig FILE; without a cluster, give a capture with "
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
        with _log_warnings() as warnings:
            load_kube_config(config_file=files, context=chosen["name"], client_configuration=configuration)
    except ConfigException as problem:
        raise Unreadable(f"{files} cannot be used: {_one_line(problem)}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unreadable(f"{files} is not a valid kubeconfig: {_one_line(problem)}") from None
    except Exception as problem:
        # The client's YAML errors: no other module than yamlio imports yaml to name them.
        if not type(problem).__module__.startswith("yaml"):
            raise
        raise Unreadable(f"{files} is not YAML: {_one_line(problem)}") from None
    if warnings and not (configuration.api_key or configuration.cert_file):
        raise Unreadable(f"context {chosen['name']} of {files} gives no credentials: {'; '.join(warnings)}")
    return Login(chosen["name"], chosen["context"].get("namespace") or "default", configuration)


@contextmanager
def _log_warnings() -> Iterator[list[str]]:
    """What the client logs. When a login plugin fails, it logs that and continues anonymously (its kube_config.py)."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(_one_line(record.getMessage()))

    collector, logger = Collector(logging.WARNING), logging.getLogger()
    logger.addHandler(collector)
    try:
        yield messages
    finally:
        logger.removeHandler(collector)


def _chosen(contexts: list[Any], current: Any, name: str | None, files: str) -> Any:
    if name is None:
        if not current:
            raise Unreadable(f"{files} names no current context: give one with --context.")
        return current
    names = sorted(context["name"] for context in contexts)
    for context in contexts:
        if context["name"] == name:
            return context
    raise UsageError(f"there is no context {name} in {files}. {nearest(name, names)}")


def _one_line(problem: BaseException | str) -> str:
    return printable(" ".join(str(problem).split()))[:300]
