"""`meshdoctor rbac`: the minimal roles that meshdoctor needs."""

from __future__ import annotations

from typing import Annotated

import typer

from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.streams import put
from meshdoctor.errors import UsageError

Read = Annotated[bool, typer.Option("--read", help="Role for check, trace, hosts and capture, which is the default")]
Apply = Annotated[bool, typer.Option("--apply", help="Role that can also apply and undo fixes")]
Exec = Annotated[bool, typer.Option("--exec", help="Add exec into istio-proxy, for DNS or in place of port-forward")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace of the service account")]


def rbac(read: Read = False, apply: Apply = False, exec_: Exec = False, namespace: Namespace = "meshdoctor") -> int:
    """Print the ClusterRole that meshdoctor needs, with a service account.

    Examples:
      # Grant what the commands that only read need
      meshdoctor rbac | kubectl apply -f -

      # Print a role that can also apply and undo fixes
      meshdoctor rbac --apply
    """
    if read and apply:
        raise UsageError("--apply includes the rights of --read: give one of them")
    from meshdoctor.kube import roles

    put(roles.render(apply=apply, exec_=exec_, namespace=namespace))
    return ExitCode.CLEAN
