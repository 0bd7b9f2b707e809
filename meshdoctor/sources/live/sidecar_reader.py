"""Reads the admin pages of a sidecar by port-forward to 15000 or, where that is forbidden, by exec of pilot-agent.

`pilot-agent request GET PATH` asks the same admin port from inside (istio, pilot/cmd/pilot-agent/app/request.go).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.kube.body import Body
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
"""Admin page by file of the capture layout. Statistics first: a push during the reading changes them afterwards."""

_TYPES = {
    CONFIG_DUMP: FileType.CONFIG_DUMP,
    "server_info.json": FileType.SERVER_INFO,
    "clusters.json": FileType.CLUSTER_STATUS,
}
_PAUSES = (0.3, 1.0, 2.0)

Ask = Callable[[str], Body]
Result = TypeVar("Result")


class SidecarPages(Struct):
    """The pages of one sidecar by file name, and those that could not be read."""

    files: dict[str, Body] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    """Paths are names of files."""


class SidecarReader:
    """Reads pages of sidecars, and remembers the namespaces in which port-forward is forbidden.

    Rights are often granted per namespace, so a refusal in one says nothing about another.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._forward_forbidden: dict[str, str] = {}

    def read(self, namespace: str, pod: str, container: str, deadline: Deadline) -> SidecarPages:
        """All pages of one sidecar. Raises `Unreadable` with the reason where its config dump cannot be read."""
        return self._retried(namespace, pod, container, _pages, deadline)

    def page(self, namespace: str, pod: str, container: str, target: str, deadline: Deadline) -> bytes:
        """One admin page of one sidecar. Raises `Unreadable` with the reason where it cannot be read."""
        return bytes(self._retried(namespace, pod, container, lambda ask: ask(target), deadline))

    def _retried(
        self, namespace: str, pod: str, container: str, read: Callable[[Ask], Result], deadline: Deadline
    ) -> Result:
        tries, away = iter(_PAUSES), chain(_PAUSES, repeat(_PAUSES[-1]))
        while True:
            try:
                return self._once(namespace, pod, container, read, deadline)
            except TimedOut:
                raise TimedOut(f"the sidecar took longer than {deadline.seconds:.3g} s") from None
            except (Broken, Unreachable, Refused) as problem:
                if isinstance(problem, GivenUp):
                    raise
                # An API server is retried until the deadline, a pod a few times.
                deadline.dropped()
                pause = next(away if isinstance(problem, Unreachable) else tries, None)
                is_final = isinstance(problem, Refused) and problem.status < 500 and problem.status != 429
                if is_final or pause is None or not deadline.pause(max(pause, _retry_after(problem))):
                    raise _explained(problem) from None

    def _once(
        self, namespace: str, pod: str, container: str, read: Callable[[Ask], Result], deadline: Deadline
    ) -> Result:
        if namespace not in self._forward_forbidden:
            try:
                with Forward(self._session, namespace, pod, ADMIN_PORT, deadline) as forward:
                    return read(forward.fetch)
            except Refused as problem:
                if problem.status != 403:
                    raise
                self._forward_forbidden[namespace] = str(problem)
        return read(lambda page: self._by_exec(namespace, pod, container, page, deadline))

    def _by_exec(self, namespace: str, pod: str, container: str, page: str, deadline: Deadline) -> Body:
        command = ["pilot-agent", "request", "GET", page]
        try:
            ran = execute(self._session, namespace, pod, container, command, deadline)
        except Refused as problem:
            if problem.status != 403:
                raise
            refusals = f"{self._forward_forbidden[namespace]}; {problem}"
            raise Unreadable(
                f"neither port-forward nor exec is allowed: {refusals}. `meshdoctor rbac` prints a role that allows it"
            ) from None
        if ran.failure:
            cause = printable(ran.stderr.decode("utf-8", "replace").strip())[-200:]
            raise Unreadable(f"pilot-agent got no answer from Envoy: {cause or ran.failure}")
        return ran.stdout


def _pages(ask: Ask) -> SidecarPages:
    found = SidecarPages()
    for name, page in PAGES.items():
        try:
            found.files[name] = _checked(name, ask(page))
        except (Cancelled, TimedOut, Refused):
            raise
        except Unreadable as problem:
            # After a broken connection all pages are read again.
            if name == CONFIG_DUMP or (name == STATS and isinstance(problem, Broken)):
                raise
            found.unread.append(Unread(name, str(problem)))
    return found


def _checked(name: str, content: Body) -> Body:
    """The answer, if it is of the page's type. Raises `Unreadable` for an error page or that of another server."""
    expected = _TYPES.get(name)
    if expected is None or file_type(content.start(), name) is expected:
        return content
    start = printable(content.start()[:40].decode("utf-8", "replace").strip())
    raise Unreadable(
        f"the answer of port {ADMIN_PORT} is not Envoy's {PAGES[name].split('?')[0]}: "
        + (f"it starts with {start!r}" if start else "it is empty")
    )


def _retry_after(problem: Unreadable) -> float:
    return problem.retry_after or 0.0 if isinstance(problem, Refused) else 0.0


def _explained(problem: Unreadable) -> Unreadable:
    text = str(problem)
    if isinstance(problem, Refused) and problem.status == 404:
        return Unreadable("the pod was deleted while its sidecar was read")
    if isinstance(problem, Broken) and ("refused" in text.lower() or "RemoteDisconnected" in text):
        return Unreadable(
            f"nothing listens on Envoy's admin port {ADMIN_PORT}: the proxy is down, or its proxyAdminPort is different"
        )
    return problem
