"""The options that choose the source, shared by commands as one parameter.

Typer has no groups of options, so `spread` presents the fields of dataclasses to it as parameters of the command.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from meshdoctor.cli import options
from meshdoctor.errors import UsageError
from meshdoctor.model.resolver import Resolver
from meshdoctor.text.shell import command

if TYPE_CHECKING:
    from meshdoctor.doctor import Source
    from meshdoctor.sources.live.cluster_source import ClusterSource

_OWN_NAMES = {"from_": "--from", "filenames": "--filename", "namespaces": "--namespace"}
"""Names of options that differ from their fields."""


@dataclass(frozen=True)
class SourceOptions:
    """Files or cluster, pods, and how the cluster is read, as given on the command line."""

    from_: options.From = None
    filenames: options.Filenames = None
    namespaces: options.Namespaces = None
    all_namespaces: options.AllNamespaces = False
    selector: options.Selector = None
    context: options.Context = None
    kubeconfig: options.Kubeconfig = None
    istio_namespace: options.IstioNamespace = options.ISTIO_NAMESPACE
    logs_since: options.LogsSince = options.LOGS_SINCE
    dns: options.Dns = Resolver.AUTO
    timeout: options.Timeout = options.TIMEOUT
    concurrency: options.Concurrency = options.CONCURRENCY

    @property
    def chosen(self) -> tuple[str, ...]:
        """Namespaces that were given; empty means all. Raises `UsageError` where both -n and -A were given."""
        if self.namespaces and self.all_namespaces:
            raise UsageError("-n and -A exclude each other: give one of them")
        return tuple(dict.fromkeys(self.namespaces or ()))

    @property
    def labels(self) -> str:
        """The label selector; empty means every pod."""
        return self.selector or ""

    def source(self) -> Source:
        """The files of --from and -f, else the cluster. Raises `UsageError` for both, and for an invalid value."""
        chosen = self.chosen
        self._times()
        files = options.files(self.from_, self.filenames)
        if files is not None:
            if self.context is not None or self.kubeconfig is not None:
                raise UsageError("--context and --kubeconfig choose a cluster, --from and -f files: give one of them")
            return files
        from meshdoctor.doctor import Source

        return Source(cluster=self._cluster(chosen))

    def on_cluster(self, namespaces: tuple[str, ...], labels: str) -> SourceOptions:
        """The same cluster with other pods, without access logs."""
        return replace(
            self,
            from_=None,
            filenames=None,
            namespaces=list(namespaces),
            all_namespaces=False,
            selector=labels,
            logs_since="0",
        )

    def typed(self) -> list[str]:
        """The options as command-line arguments, `--name=value`, so that a value may start with a dash."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            name = _OWN_NAMES.get(field.name, f"--{field.name.replace('_', '-')}")
            if value is True:
                words.append(name)
            elif value is not None and value is not False:
                words += [f"{name}={one}" for one in (value if isinstance(value, list) else [value])]
        return words

    @property
    def cluster_as_typed(self) -> str:
        """The options that choose the cluster, for a printed command; each has a space before it."""
        return _as_typed(("--context", self.context), ("--kubeconfig", self.kubeconfig))

    def as_typed(self, rule_dirs: Sequence[Path] | None) -> str:
        """The options that choose source, pods and rules, for a printed command; each has a space before it."""
        files = _as_typed(("--from", self.from_), ("-f", self.filenames))
        pods = _as_typed(("-n", self.namespaces), ("-l", self.selector), ("--rules", rule_dirs))
        return files + self.cluster_as_typed + pods

    def _times(self) -> tuple[int, int]:
        """--timeout and --logs-since in seconds; a value that is no duration is refused with files too."""
        wait = options.seconds(self.timeout, "--timeout")
        if not wait:
            raise UsageError("--timeout must be more than 0: write 30s")
        return wait, options.seconds(self.logs_since, "--logs-since")

    def _cluster(self, namespaces: tuple[str, ...]) -> ClusterSource:
        from meshdoctor.sources.live.cluster_source import ClusterSource
        from meshdoctor.sources.live.live_cluster import FetchLimits
        from meshdoctor.sources.live.object_reader import Scope

        wait, logs = self._times()
        return ClusterSource(
            kubeconfig=self.kubeconfig,
            context=self.context,
            scope=Scope(namespaces, self.labels, self.istio_namespace),
            pace=FetchLimits(self.concurrency, wait, logs),
            resolver=self.dns,
        )


def _as_typed(*given: tuple[str, str | Path | Sequence[str | Path] | None]) -> str:
    words: list[str] = []
    for name, value in given:
        values = [value] if isinstance(value, str | Path) else value or ()
        words += [word for one in values for word in (name, str(one))]
    return f" {command(*words)}" if words else ""


def spread(command: Callable[..., int], *without: str) -> Callable[..., int]:
    """The command with the fields of each parameter that is a dataclass, except `without`, instead of it."""
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type, list[str]]] = {}
    for parameter in signature.parameters.values():
        kind = parameter.annotation
        if not is_dataclass(kind):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        hints = get_type_hints(kind, include_extras=True)
        shared = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in fields(kind)
            if field.name not in without
        ]
        parameters += shared
        groups[parameter.name] = (cast(type, kind), [one.name for one in shared])

    @wraps(command)
    def spreading(**given: Any) -> int:
        made = {name: kind(**{field: given.pop(field) for field in own}) for name, (kind, own) in groups.items()}
        return command(**made, **given)

    spreading.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return spreading
