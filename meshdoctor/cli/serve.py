"""`meshdoctor serve`: the interactive session on a web page of this machine."""

from __future__ import annotations

import importlib.util
import ipaddress
import shlex
import socket
import sys
from typing import Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.fix import ReadOnly
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.text.printable import in_lines

Port = Annotated[
    int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on (default a free one)")
]
Host = Annotated[
    str,
    typer.Option("--host", metavar="ADDRESS", help="Address to listen on; only with --remote another than loopback"),
]
Remote = Annotated[
    bool,
    typer.Option("--remote", help="Let other machines open the page, unencrypted; visitors act with your credentials"),
]


def serve(
    source_options: SourceOptions,
    read_only: ReadOnly = False,
    theme: options.Theme = None,
    port: Port = 0,
    host: Host = "127.0.0.1",
    remote: Remote = False,
) -> int:
    """Serve the interactive session on a web page of this machine.

    The address that is printed holds a secret, and visitors act with your
    credentials. Each page is a session of its own, which ends with the page.

    Examples:
      # Serve the session on the current context
      meshdoctor serve

      # Serve a bundled snapshot on a port of your choice
      meshdoctor serve --from demo:mysql-blocked --port 8080

      # Serve it on a bastion, and open it here
      ssh -L 8080:127.0.0.1:8080 bastion meshdoctor serve --port 8080
    """
    source_options.source()  # so that wrong options are reported here and not on the page
    name = _public_name(host, remote=remote)
    if importlib.util.find_spec("textual_serve") is None:
        raise Unreadable("serve needs textual-serve, which is not installed: pip install 'meshdoctor[serve]'")
    given = source_options.typed()
    given += [f"--theme={theme}"] if theme is not None else []
    given += ["--read-only"] if read_only else []
    return _serve(shlex.join([sys.executable, "-m", "meshdoctor", *given]), host, port, name)


def _public_name(host: str, *, remote: bool) -> str:
    """The host name in the printed address, where it is not the address listened on; else empty.

    Raises `UsageError` where it is not an IP address, or other machines can reach it and --remote is missing.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"--host {host} is not an IP address: write 127.0.0.1 or ::1") from None
    if not address.is_loopback and not remote:
        lines = (
            f"--host {host} lets other machines open the page, unencrypted, and act with your credentials.",
            "  Better use ssh -L PORT:127.0.0.1:PORT to this machine. To allow it, add --remote (and --read-only)",
        )
        raise UsageError(in_lines(lines))
    return socket.gethostname() if address.is_unspecified else ""


def _serve(command: str, host: str, port: int, name: str) -> int:
    """Serves until Ctrl-C; port 0 is any free one. Raises `Unreadable` where the port is not available."""
    from meshdoctor.tui.web_page import WebPage

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as problem:
        raise Unreadable(f"cannot listen on {host}:{port}: {problem.strerror}. Give another --port") from None
    with listening:
        page = WebPage(command, listening, name)
        put(f"{page.address}\n")
        say("open this address in a browser; Ctrl-C stops the server")
        page.serve()
    return ExitCode.CLEAN
