"""Options that several commands share, and their meaning as a `doctor.Source`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.errors import UsageError
from meshdoctor.model.resolver import Resolver

if TYPE_CHECKING:
    from meshdoctor.doctor import Source

_SNAPSHOT = "demo:"
_STDIN = "-"
_TIME = re.compile(r"(\d{1,6})(s|m|h|)\Z")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}

LOGS_SINCE, TIMEOUT, CONCURRENCY, ISTIO_NAMESPACE = "10m", "30s", 16, "istio-system"
"""Defaults of the options for a cluster."""


def complete_rule(incomplete: str) -> list[str]:
    """Ids of the built-in rules, for shell completion."""
    from meshdoctor import doctor

    return [rule.id for rule in doctor.load_catalogue() if rule.id.startswith(incomplete)]


def complete_snapshot(incomplete: str) -> list[str]:
    """Names of the bundled snapshots, for shell completion."""
    from meshdoctor import doctor

    return [snapshot.name for snapshot in doctor.snapshots() if snapshot.name.startswith(incomplete)]


def complete_theme(incomplete: str) -> list[str]:
    """Names of the session's themes, for shell completion."""
    from meshdoctor.tui.themes import known_themes

    return [name for name in known_themes() if name.startswith(incomplete)]


From = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="Read files instead of the cluster: a capture, an istioctl bug-report or a must-gather (folder or "
        "archive), a config dump, pasted proxy-config JSON, - for stdin, or demo:NAME; repeatable",
    ),
]
Filenames = Annotated[
    list[Path] | None,
    typer.Option("-f", "--filename", metavar="PATH", help="Manifest file or folder, or - for stdin; repeatable"),
]
Namespaces = Annotated[
    list[str] | None, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace of the pods; repeatable")
]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces (the default)")]
Selector = Annotated[
    str | None, typer.Option("-l", "--selector", metavar="LABELS", help="Label selector of the pods, such as app=web")
]
Context = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Kubeconfig context (default the current one)")
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig file (default $KUBECONFIG, else ~/.kube/config)"),
]
IstioNamespace = Annotated[str, typer.Option("--istio-namespace", metavar="NAME", help="Namespace of istiod")]
LogsSince = Annotated[
    str,
    typer.Option("--logs-since", metavar="TIME", help="Access-log window, such as 90s, 10m or 1h; 0 disables it"),
]
Dns = Annotated[
    Resolver,
    typer.Option(
        "--dns",
        metavar="auto|local|off",
        help="Resolve external hosts in a pod where allowed (auto), on this machine (local), or not at all (off)",
    ),
]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="Timeout per sidecar, and of a kubeconfig's login plugin")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", metavar="N", min=1, max=256, help="Sidecars read at the same time")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Disable colour, as the variable NO_COLOR does")]
Theme = Annotated[
    str | None,
    typer.Option(
        "--theme",
        metavar="NAME",
        help="Theme of the session: dark, light, blue-orange or blue-orange-light (colour-blind-safe), terminal (its "
        "own 16 colours), and others",
        autocompletion=complete_theme,
    ),
]
Ascii = Annotated[
    bool, typer.Option("--ascii", help="Use ASCII only, which is the default where the locale is not UTF-8")
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show all pods, evidence, fixes and manifests")]
RuleDirs = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="DIR", help="Folder of your own rules, added to the built-in ones; repeatable"),
]


def files(from_: Sequence[str] | None, filenames: Sequence[Path] | None) -> Source | None:
    """The files to read, None without --from and -f. Raises `UsageError` where they exclude each other."""
    manifests = tuple(filenames or ())
    given = tuple(from_ or ())
    if not given and not manifests:
        return None
    if "" in given:
        raise UsageError("--from is empty: give the path of a capture, a bug-report or a config dump")
    if (*given, *map(str, manifests)).count(_STDIN) > 1:
        raise UsageError("standard input can be read once: give one - only")
    from meshdoctor.doctor import Source

    snapshots = [one for one in given if one.startswith(_SNAPSHOT) and not Path(one).exists()]
    if snapshots and len(given) > 1:
        raise UsageError(f"{snapshots[0]} is a mesh of its own: give it without another --from")
    if snapshots:
        return Source(snapshot=snapshots[0].removeprefix(_SNAPSHOT), manifests=manifests)
    paths = tuple(map(Path, given))
    return Source(path=paths[0] if paths else None, more=paths[1:], manifests=manifests)


def seconds(text: str, option: str) -> int:
    """A duration as a number of seconds. Raises `UsageError` for any other text."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{option} {text!r} is not a duration: write 90s, 10m or 1h")
    return int(match.group(1)) * _UNITS[match.group(2)]
