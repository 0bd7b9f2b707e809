"""Options that several commands share, declared once, and what they mean as a `doctor.Source`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.errors import UsageError

if TYPE_CHECKING:
    from meshdoctor.doctor import Source

_SNAPSHOT = "demo:"


def complete_rule(incomplete: str) -> list[str]:
    """Ids of the built-in rules, for shell completion."""
    from meshdoctor import doctor

    return [rule.id for rule in doctor.load_catalogue() if rule.id.startswith(incomplete)]


def complete_snapshot(incomplete: str) -> list[str]:
    """Names of the bundled snapshots, for shell completion."""
    from meshdoctor import doctor

    return [snapshot.name for snapshot in doctor.snapshots() if snapshot.name.startswith(incomplete)]


From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="Capture, istioctl bug-report or must-gather (folder or archive), a config_dump file, pasted "
        "proxy-config JSON, or demo:NAME.",
    ),
]
Filenames = Annotated[
    list[Path] | None,
    typer.Option("-f", "--filename", metavar="PATH", help="Manifests: a file or a folder. Repeatable."),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option("-n", "--namespace", metavar="NAME", help="Only pods of this namespace. Repeatable."),
]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="Pods of all namespaces (the default).")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour; so does the variable NO_COLOR.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Everything: all pods, evidence, mends, manifests.")]
RuleDirs = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="DIR", help="Folder of your own rules, beside the built-in ones. Repeatable."),
]


def source(from_: str | None, filenames: Sequence[Path] | None) -> Source:
    """What to look at.

    Raises:
        UsageError: neither --from nor -f says what.
    """
    manifests = tuple(filenames or ())
    if from_ is None and not manifests:
        raise UsageError(
            "nothing to look at: give --from PATH (a capture, a bug-report, or Envoy's /config_dump)\n"
            "  or -f PATH (manifests). `meshdoctor demo` shows a bundled example and needs neither."
        )
    if from_ is not None and not from_:
        raise UsageError("--from is empty: give the path of a capture, a bug-report or a config dump")
    from meshdoctor.doctor import Source

    if from_ is not None and from_.startswith(_SNAPSHOT) and not Path(from_).exists():
        return Source(snapshot=from_.removeprefix(_SNAPSHOT), manifests=manifests)
    return Source(path=None if from_ is None else Path(from_), manifests=manifests)


def chosen_namespaces(namespaces: Sequence[str] | None, all_namespaces: bool) -> tuple[str, ...]:
    """Namespaces asked for; empty means all.

    Raises:
        UsageError: both some and all were asked for.
    """
    if namespaces and all_namespaces:
        raise UsageError("-n names namespaces and -A asks for all of them: leave one out")
    return tuple(dict.fromkeys(namespaces or ()))
