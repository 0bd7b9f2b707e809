"""One sidecar's admin pages: by port-forward to 15000, or where that is forbidden by exec of pilot-agent.

`pilot-agent request GET PATH` asks the same admin port from inside (istio, pilot/cmd/pilot-agent/app/request.go).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Cancelled, Deadline, TimedOut
from meshdoctor.kube.pod_requests import Forward, execute
from meshdoctor.kube.session import GivenUp, Refused, Session, Unreachable
from meshdoctor.kube.websockets import Broken
from meshdoctor.model.evidence import Unread
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.text.printable import printable

ADMIN_PORT = 15000
CONFIG_DUMP = "config_dump.json"
STATS = "stats.txt"
PAGES = {
    STATS: "/stats?usedonly",
    CONFIG_DUMP: "/config_dump?include_eds",
    "server_info.json": "/server_info",
    "clusters.json": "/clusters?format=json",
}
"""File of the capture layout → admin page. Statistics first: a push that comes in meanwhile shows in them later."""

_SHAPES = {
    CONFIG_DUMP: FileType.CONFIG_DUMP,
    "server_info.json": FileType.SERVER_INFO,
    "clusters.json": FileType.CLUSTER_STATUS,
}
_PAUSES = (0.3, 1.0, 2.0)

Ask = Callable[[str], bytes]
Wanted = TypeVar("Wanted")


class SidecarPages(Struct):
    """What one sidecar answered: files by name, and what it did not answer."""

    files: dict[str, bytes] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    """Paths are names of files."""


class SidecarReader:
    """Asks sidecars, and remembers in which namespaces port-forward is forbidden: it is not asked for in vain again.

    Rights are often granted by namespace, so that one refusal says nothing of the next namespace.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._forward_forbidden: dict[str, str] = {}

    def read(self, namespace: str, pod: str, container: str, deadline: Deadline) -> SidecarPages:
        """All pages of one sidecar. Raises `Unreadable` where its config dump cannot be had, saying why."""
        return self._asked(namespace, pod, container, _pages, deadline)

    def page(self, namespace: str, pod: str, container: str, target: str, deadline: Deadline) -> bytes:
        """One admin page of one sidecar, `/stats?usedonly`. Raises `Unreadable` where it cannot be had, saying why."""
        return self._asked(namespace, pod, container, lambda ask: ask(target), deadline)

    def _asked(
        self, namespace: str, pod: str, container: str, want: Callable[[Ask], Wanted], deadline: Deadline
    ) -> Wanted:
        tries, away = iter(_PAUSES), chain(_PAUSES, repeat(_PAUSES[-1]))
        while True:
            try:
                return self._once(namespace, pod, container, want, deadline)
            except TimedOut:
                raise TimedOut(f"the sidecar took longer than {deadline.seconds:.3g} s") from None
            except (Broken, Unreachable, Refused) as problem:
                if isinstance(problem, GivenUp):
                    raise
                # An API server that was there comes back; a pod is given a few tries.
                pause = next(away if isinstance(problem, Unreachable) else tries, None)
                if not _may_pass(problem) or pause is None or not deadline.sleep(pause):
                    raise _explained(problem) from None

    def _once(
        self, namespace: str, pod: str, container: str, want: Callable[[Ask], Wanted], deadline: Deadline
    ) -> Wanted:
        if namespace not in self._forward_forbidden:
            try:
                with Forward(self._session, namespace, pod, ADMIN_PORT, deadline) as forward:
                    return want(forward.fetch)
            except Refused as problem:
                if problem.status != 403:
                    raise
                self._forward_forbidden[namespace] = str(problem)
        return want(lambda page: self._by_exec(namespace, pod, container, page, deadline))

    def _by_exec(self, namespace: str, pod: str, container: str, page: str, deadline: Deadline) -> bytes:
        command = ["pilot-agent", "request", "GET", page]
        try:
            ran = execute(self._session, namespace, pod, container, command, deadline)
        except Refused as problem:
            if problem.status != 403:
                raise
            said = f"{self._forward_forbidden[namespace]}; {problem}"
            raise Unreadable(
                f"neither port-forward nor exec is allowed: {said}. `meshdoctor rbac` prints the role that is enough"
            ) from None
        if ran.failure:
            said = printable(ran.stderr.decode("utf-8", "replace").strip())[-200:]
            raise Unreadable(f"pilot-agent could not ask Envoy: {said or ran.failure}")
        return ran.stdout


def _pages(ask: Ask) -> SidecarPages:
    found = SidecarPages()
    for name, page in PAGES.items():
        try:
            found.files[name] = _checked(name, ask(page))
        except (Cancelled, TimedOut, Refused):
            raise
        except Unreadable as problem:
            # A connection that breaks is opened anew for all of it.
            if name == CONFIG_DUMP or (name == STATS and isinstance(problem, Broken)):
                raise
            found.unread.append(Unread(name, str(problem)))
    return found


def _checked(name: str, content: bytes) -> bytes:
    """The answer, if it is what the page gives. Raises `Unreadable` for an error page or another server's."""
    shape = _SHAPES.get(name)
    if shape is None or file_type(content[:65536], name) is shape:
        return content
    start = printable(content[:40].decode("utf-8", "replace").strip())
    raise Unreadable(
        f"port {ADMIN_PORT} answered with something else than Envoy's {PAGES[name].split('?')[0]}"
        + (f", starting with {start!r}" if start else ": nothing")
    )


def _may_pass(problem: Unreadable) -> bool:
    return not isinstance(problem, Refused) or problem.status == 429 or problem.status >= 500


def _explained(problem: Unreadable) -> Unreadable:
    text = str(problem)
    if isinstance(problem, Refused) and problem.status == 404:
        return Unreadable("the pod was deleted while it was read")
    if isinstance(problem, Broken) and ("refused" in text.lower() or "RemoteDisconnected" in text):
        return Unreadable(
            f"nothing listens on Envoy's admin port {ADMIN_PORT}: the proxy is down, or its proxyAdminPort is another"
        )
    return problem
