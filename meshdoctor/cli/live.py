"""The options of a live run, together, and what they mean as a `live.ClusterSource`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshdoctor.cli import options
from meshdoctor.errors import UsageError
from meshdoctor.model.resolver import Resolver

if TYPE_CHECKING:
    from meshdoctor.doctor import Source
    from meshdoctor.live import ClusterSource


@dataclass(frozen=True)
class Live:
    """Which cluster, which pods of it, and how it is asked, as the command line says it."""

    context: str | None
    kubeconfig: Path | None
    namespaces: tuple[str, ...]
    selector: str | None
    istio_namespace: str
    logs: str
    dns: Resolver
    timeout: str
    at_once: int

    def source(self, from_: str | None, filenames: list[Path] | None) -> Source:
        """What to look at: files where --from or -f says so, else the cluster.

        Raises:
            UsageError: both files and a cluster were asked for.
        """
        files = options.files(from_, filenames)
        if files is not None:
            if self.context is not None or self.kubeconfig is not None:
                raise UsageError("--context and --kubeconfig are for a cluster, --from and -f for files: leave one out")
            return files
        from meshdoctor.doctor import Source

        return Source(cluster=self._cluster())

    def _cluster(self) -> ClusterSource:
        from meshdoctor.collect.live.cluster import Pace
        from meshdoctor.collect.live.objects import Scope
        from meshdoctor.live import ClusterSource

        wait = options.seconds(self.timeout, "--timeout")
        if not wait:
            raise UsageError("--timeout 0 leaves no time to ask anything: write 30s")
        return ClusterSource(
            kubeconfig=self.kubeconfig,
            context=self.context,
            scope=Scope(self.namespaces, self.selector or "", self.istio_namespace),
            pace=Pace(self.at_once, wait, options.seconds(self.logs, "--logs")),
            resolver=self.dns,
        )
