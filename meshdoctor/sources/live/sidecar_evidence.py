"""Fetches what is read of one sidecar by its deadline; makes documents of it afterwards, however long that takes."""

from __future__ import annotations

from msgspec import Struct, field

from meshdoctor.kube.body import Body
from meshdoctor.kube.deadline import Deadline, TimedOut
from meshdoctor.kube.pod_requests import log_of
from meshdoctor.kube.session import Refused, Session, Unreachable
from meshdoctor.model.access_log import FILE
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.semantics.envoy.log_summary import digest, encode
from meshdoctor.sources.documents import packed_document
from meshdoctor.sources.live.bytes_in_flight import BytesInFlight, SidecarBytes
from meshdoctor.sources.live.config_counters import state_of
from meshdoctor.sources.live.live_pods import PROXY, LivePod
from meshdoctor.sources.live.sidecar_reader import STATS, SidecarReader
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redaction import Redaction

MAX_LOG_BYTES = 8 * 1024 * 1024
EVERY_POD = "proxies/*/"
"""Start of the path of a note about all sidecars, `proxies/*/*/access_log.json`."""


class FetchedSidecar(Struct):
    """The pages of one sidecar and its log, as they came: they hold secrets and are not kept."""

    files: dict[str, Body]
    """Pages by file name."""
    unread: list[Unread]
    room: SidecarBytes
    """The room that they take until they are released."""
    log: bytes | None = None
    """None where it was not read."""
    log_seconds: int = 0

    def release(self) -> None:
        """Frees all that is left."""
        self.files.clear()
        self.log = None
        self.room.release(self.room.held)


class SidecarEvidence(Struct):
    """What is kept of one sidecar: documents by path, without secrets."""

    documents: dict[str, Document] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    state: str = ""
    """Its config counters."""
    removals: Removals = field(default_factory=Removals)


class SidecarFetch:
    """Reads pages and log of sidecars, within the room for them. `log_seconds`: the access-log window, 0 for none."""

    def __init__(self, session: Session, room: BytesInFlight, log_seconds: int) -> None:
        self._session = session
        self._reader = SidecarReader(session)
        self._room = room
        self._log_seconds = log_seconds

    def read(self, pod: LivePod, deadline: Deadline) -> FetchedSidecar:
        """What is read of one sidecar. Raises `Unreadable` with the reason where its config dump cannot be read."""
        room = deadline.count = self._room.share()
        try:
            pages = self._reader.read(pod.namespace, pod.name, PROXY, deadline)
            unread = [Unread(f"proxies/{pod.key}/{note.path}", note.because) for note in pages.unread]
            fetched = FetchedSidecar(pages.files, unread, room, log_seconds=self._log_seconds)
            if self._log_seconds:
                self._read_log(pod, fetched, deadline)
        except BaseException:
            room.dropped()
            raise
        room.complete()
        return fetched

    def _read_log(self, pod: LivePod, fetched: FetchedSidecar, deadline: Deadline) -> None:
        """Adds the access log, or a note that it could not be read."""
        path = f"proxies/{pod.key}/{FILE}"
        try:
            fetched.log = log_of(
                self._session, pod.namespace, pod.name, PROXY, self._log_seconds, MAX_LOG_BYTES, deadline
            )
        except Refused as problem:
            # Where logs are forbidden for one pod they are for all: one note.
            everywhere = problem.status == 403
            fetched.unread.append(Unread(f"{EVERY_POD}*/{FILE}" if everywhere else path, str(problem)))
        except (Unreachable, TimedOut) as problem:
            fetched.unread.append(Unread(path, str(problem)))


def clean(pod: LivePod, fetched: FetchedSidecar, redaction: Redaction, read_at: str) -> SidecarEvidence:
    """The evidence of a sidecar without secrets, compressed; frees each page of `fetched` as soon as that is done."""
    evidence = SidecarEvidence(unread=fetched.unread, state=state_of(bytes(fetched.files.get(STATS, b""))))
    for name in list(fetched.files):
        path = f"proxies/{pod.key}/{name}"
        content = bytes(fetched.files.pop(name))
        evidence.documents[path] = packed_document(path, redaction.page(path, content, evidence.removals))
        fetched.room.release(len(content))
    if fetched.log is not None:
        path = f"proxies/{pod.key}/{FILE}"
        log = digest(fetched.log, own_ips=pod.ips, since_seconds=fetched.log_seconds, read_at=read_at)
        evidence.documents[path] = packed_document(path, encode(log))
    fetched.release()
    return evidence
