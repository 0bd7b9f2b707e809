"""`meshdoctor serve`: the interactive session on a web page of this machine."""

from __future__ import annotations

import importlib.util
import ipaddress
import shlex
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.fix import ReadOnly
from meshdoctor.cli.live import Live
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.model.resolver import Resolver

Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="By default a free one.")]
Host = Annotated[
    str,
    typer.Option("--host", metavar="ADDRESS", help="Address to listen on; others than loopback only with --remote."),
]
Remote = Annotated[
    bool, typer.Option("--remote", help="Other machines may open the page. Unencrypted, and with your rights.")
]


def serve(
    from_: options.From = None,
    filenames: options.Filenames = None,
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    selector: options.Selector = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
    istio_namespace: options.IstioNamespace = options.ISTIO_NAMESPACE,
    logs: options.Logs = options.LOGS,
    dns: options.Dns = Resolver.AUTO,
    timeout: options.Timeout = options.TIMEOUT,
    at_once: options.AtOnce = options.AT_ONCE,
    read_only: ReadOnly = False,
    theme: options.Theme = None,
    port: Port = 0,
    host: Host = "127.0.0.1",
    remote: Remote = False,
) -> int:
    """Show the interactive session on a web page, on this machine only.

    \b
      meshdoctor serve
      meshdoctor serve --from demo:mysql-blocked --port 8080
      ssh -L 8080:127.0.0.1:8080 bastion meshdoctor serve --port 8080

    The address that is printed holds a secret; whoever has it acts with your
    rights. Each page is a session of its own, which ends with the page.
    """
    chosen = options.chosen_namespaces(namespaces, all_namespaces)
    # Wrong options are told here and not on the page.
    Live(context, kubeconfig, chosen, selector, istio_namespace, logs, dns, timeout, at_once).source(from_, filenames)
    name = _public_name(host, remote=remote)
    if importlib.util.find_spec("textual_serve") is None:
        raise Unreadable("serve needs textual-serve, which is not installed: pip install 'meshdoctor[serve]'")
    given = [
        *_named("--from", [from_]),
        *_named("--filename", filenames or ()),
        *_named("--namespace", chosen),
        *_named("--selector", [selector]),
        *_named("--context", [context]),
        *_named("--kubeconfig", [kubeconfig]),
        *_named("--theme", [theme]),
        *_named("--istio-namespace", [istio_namespace]),
        *_named("--logs", [logs]),
        *_named("--dns", [dns.value]),
        *_named("--timeout", [timeout]),
        *_named("--at-once", [at_once]),
        *(["--read-only"] if read_only else []),
    ]
    return _serve(shlex.join([sys.executable, "-m", "meshdoctor", *given]), host, port, name)


def _named(option: str, values: Iterable[str | Path | int | None]) -> list[str]:
    """An option as often as it has a value, each in one word, so that a value may begin with a dash."""
    return [f"{option}={value}" for value in values if value is not None]


def _public_name(host: str, *, remote: bool) -> str:
    """The name in the address where it is another than the one listened on.

    Raises:
        UsageError: it is no address, or one that other machines reach and nobody said that they may.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"--host {host} is no address: write 127.0.0.1, or ::1") from None
    if not address.is_loopback and not remote:
        raise UsageError(
            f"--host {host} lets other machines open the page, unencrypted, and act with your rights.\n"
            "  Better: ssh -L PORT:127.0.0.1:PORT to here. If you mean it: --remote, and --read-only where that will do"
        )
    return socket.gethostname() if address.is_unspecified else ""


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one. Raises Unreadable where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as problem:
        raise Unreadable(f"{host}:{port} cannot be listened on: {problem.strerror}. Give another --port") from None


def _serve(command: str, host: str, port: int, name: str) -> int:
    from meshdoctor.tui.page import Page

    with _listening(host, port) as listening:
        page = Page(command, listening, name)
        put(f"{page.address}\n")
        say("open this address in a browser; Ctrl-C ends it")
        page.serve()
    return ExitCode.CLEAN
