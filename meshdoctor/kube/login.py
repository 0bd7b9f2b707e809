"""Chooses cluster and credentials: kubeconfig and `--context`, or the service account of meshdoctor's own pod."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.kube.login_plugin import LoginFailed, LoginRun
from meshdoctor.kube.server_url import hides_credentials, request_url, without_password
from meshdoctor.kube.session import Login
from meshdoctor.text.nearest import nearest
from meshdoctor.text.printable import printable

IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def log_in(kubeconfig: Path | None = None, context: str | None = None, seconds: float = 30.0) -> Login:
    """The login of a context, by default the current one; in a pod without kubeconfig its service account's.

    `seconds`: the time limit of a login plugin, now and when it renews the credentials. Raises `UsageError` for a
    context that is not there, `Unreadable` where there is no kubeconfig, a broken one, or one without credentials.
    """
    files = _files(kubeconfig)
    if not files:
        is_in_cluster = os.environ.get("KUBERNETES_SERVICE_HOST") and (_ACCOUNT / "token").is_file()
        if context is None and kubeconfig is None and is_in_cluster:
            return _service_account()
        raise Unreadable(_no_kubeconfig(kubeconfig, context))
    login = _from_files(os.pathsep.join(map(str, files)), context, seconds)
    _refuse_plain_http(login)
    return login


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


def _from_files(files: str, context: str | None, seconds: float) -> Login:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    configuration = Configuration()
    try:
        merged = KubeConfigMerger(files)
        loader = KubeConfigLoader(
            config_dict=merged.config, config_persister=merged.save_changes, config_base_path=None
        )
        chosen = _chosen(loader.list_contexts(), loader.current_context, context, files)
        loader.set_active_context(chosen["name"])
        run = LoginRun(lambda: loader.load_and_set(configuration), seconds)
        run.result()
        can_renew = _can_renew(merged.config.value, chosen["context"].get("user"))
    except LoginFailed as problem:
        raise Unreadable(f"context {chosen['name']} of {files} gives no credentials: {problem}") from None
    except ConfigException as problem:
        raise Unreadable(f"{files} cannot be used: {_one_line(problem)}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unreadable(f"{files} is not a valid kubeconfig: {_one_line(problem)}") from None
    except Exception as problem:
        # The client's YAML errors: no other module than yamlio imports yaml to name them.
        if not type(problem).__module__.startswith("yaml"):
            raise
        raise Unreadable(f"{files} is not YAML: {_one_line(problem)}") from None
    if run.warnings and not (configuration.api_key or configuration.cert_file):
        said = "; ".join(map(_one_line, run.warnings))
        raise Unreadable(f"context {chosen['name']} of {files} gives no credentials: {said}")
    if not can_renew:
        # The client would load the same credentials anew, and look for proxies, before each request.
        configuration.refresh_api_key_hook = None
    return Login(chosen["name"], chosen["context"].get("namespace") or "default", configuration, seconds, can_renew)


def _can_renew(kubeconfig: dict[str, Any], name: str | None) -> bool:
    """Whether a plugin or a provider gives the user's credentials, and renews them when they expire."""
    users = (node.value for node in kubeconfig.get("users") or ())
    user = next((one.get("user") or {} for one in users if one.get("name") == name), {})
    return "exec" in user or "auth-provider" in user


def _refuse_plain_http(login: Login) -> None:
    """Raises where credentials would be sent unencrypted over a network."""
    url = request_url(login.configuration.host)
    if login.configuration.api_key and not hides_credentials(url):
        raise Unreadable(
            f"context {login.context} would send its credentials to {without_password(url)} unencrypted, so nothing "
            "was sent. Write https:// in the server's URL, or use `kubectl proxy` on this machine (http://127.0.0.1:8001)"
        )


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
    return printable(without_password(" ".join(str(problem).split())))[:300]
