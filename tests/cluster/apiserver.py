"""A small Kubernetes API server: lists in pages, discovery, refusals, logs, port-forward, exec, and writes (`store`).

It knows what meshdoctor asks for, and answers as a real one does: bodies of refusals are Status objects, a WebSocket is
refused before it is opened.
"""

from __future__ import annotations

import gzip
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from tests.cluster import store
from tests.cluster.envoy import Envoy
from tests.cluster.websocket import Gone, ServerSocket

CORE = ("namespaces", "services", "pods", "configmaps")
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?"
)
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
GZIP_FROM = 128 * 1024
"""Bytes from which an answer is compressed for who accepts it (k8s.io/apiserver, responsewriters/writers.go)."""
Answer = tuple[int, bytes]


class Asked(Struct, frozen=True):
    """One request, as an authoriser sees it."""

    verb: str
    """`list`, `get`, `create`, `patch` or `delete`."""
    group: str
    resource: str
    """`pods`, `pods/exec`."""
    namespace: str
    name: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: dict[str, Any] = {}

    @property
    def is_write(self) -> bool:
        """It changes an object, unless something stops it: no question, and no dry run."""
        dry = self.query.get("dryRun") or self.body.get("dryRun")
        return self.verb in ("patch", "delete") and not dry


class Ran(Struct, frozen=True):
    """What a command in a container does."""

    stdout: bytes = b""
    stderr: bytes = b""
    code: int = 0
    last_word: bytes | None = None
    """What the kubelet says at the end, where it is not what it should."""


class FakeApi:
    """The cluster's state, which a test changes as it likes, and what was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        """By plural kind. What is not here is not installed."""
        self.groups = {
            "networking.istio.io": ["v1", "v1beta1", "v1alpha3"],
            "security.istio.io": ["v1", "v1beta1"],
        }
        self.envoys: dict[str, Envoy] = {}
        """By namespace/pod. A pod without one is not there when it is asked."""
        self.logs: dict[str, bytes] = {}
        self.run: Callable[[str, list[str]], Ran] = self._pilot_agent
        """What exec does in namespace/pod."""
        self.forbidden: Callable[[Asked], bool] = lambda asked: False
        self.page_size = 0
        """Objects in a page where the client gives no limit, or a larger one; 0: as the client says."""
        self.cached: dict[str, list[dict[str, Any]]] | None = None
        """What the server's cache has, which answers lists of any resourceVersion, where it lags behind."""
        self.error_headers: dict[str, str] = {}
        """Sent with every error, `Retry-After`."""
        self.zipped = 0
        """Answers that were sent compressed."""
        self.faults: list[Callable[[Asked], Answer | None]] = []
        """Asked before all else; the first answer counts. (0, b"") drops the connection."""
        self.version = 1000
        """The latest resourceVersion."""
        self.on_write: Callable[[], None] = lambda: None
        """Called after each change of an object, as istiod is told of it."""
        self.asked: list[Asked] = []
        self.other_requests: list[str] = []
        self.closing = threading.Event()
        self.address = ""

    def _pilot_agent(self, pod: str, command: list[str]) -> Ran:
        if command[:3] == ["pilot-agent", "request", "GET"]:
            page = self.envoys[pod].pages.get(command[3])
            return Ran(page) if page is not None else Ran(stderr=b"Error: 404", code=255)
        return Ran(b"127.0.0.1 STREAM localhost\n") if command[-1] == "localhost" else Ran(code=2)

    def never(self, asked: Asked) -> Answer:
        """A fault: no answer, however long one waits."""
        self.closing.wait()
        return 0, b""

    def answer(self, asked: Asked) -> Answer:
        """What a plain request gets."""
        if asked.resource == "pods/log":
            return 200, self.logs.get(f"{asked.namespace}/{asked.name}", b"")
        if asked.resource not in self.objects:
            return status(404, "the server could not find the requested resource", "NotFound")
        items = self.objects[asked.resource]
        if not asked.name:
            is_any = asked.query.get("resourceVersion") == ["0"]
            if is_any and "continue" in asked.query:
                return status(400, "specifying resource version is not allowed when using continue", "BadRequest")
            return self._listed(asked, self.cached[asked.resource] if is_any and self.cached is not None else items)
        for item in items:
            if (item["metadata"].get("namespace", ""), item["metadata"]["name"]) == (asked.namespace, asked.name):
                return 200, json.dumps(item).encode()
        return status(404, f'{asked.resource} "{asked.name}" not found', "NotFound")

    def _listed(self, asked: Asked, items: list[dict[str, Any]]) -> Answer:
        wanted = asked.query.get("labelSelector", [""])[0]
        found = [
            item
            for item in items
            if asked.namespace in ("", item["metadata"].get("namespace", ""))
            and _fits(wanted, item["metadata"].get("labels") or {})
        ]
        start = int(asked.query.get("continue", ["0"])[0])
        size = int(asked.query.get("limit", ["0"])[0])
        if size and self.page_size:
            size = min(size, self.page_size)
        page = found[start : start + size] if size else found
        after = start + len(page)
        kind, version = _kind_of(items, asked)
        body = {
            "kind": f"{kind}List",
            "apiVersion": version,
            "metadata": {"resourceVersion": "7", **({"continue": str(after)} if after < len(found) else {})},
            "items": [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in page],
        }
        return 200, json.dumps(body).encode()


def _fits(selector: str, labels: dict[str, str]) -> bool:
    """`a=b,c=d`, no other form."""
    return all(labels.get(part.split("=")[0]) == part.split("=")[1] for part in selector.split(",") if part)


def _kind_of(items: list[dict[str, Any]], asked: Asked) -> tuple[str, str]:
    version = asked.path.split("/")[-2] if not asked.namespace else asked.path.split("/")[-4]
    told = f"{asked.group}/{version}" if asked.group else version
    return (items[0]["kind"], told) if items else (asked.resource.removesuffix("s").title(), told)


def status(code: int, message: str, reason: str = "") -> Answer:
    """A refusal as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return code, json.dumps({**body, "code": code}).encode()


def no_permission(asked: Asked) -> Answer:
    """The 403 of Kubernetes' RBAC authoriser."""
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'cannot {asked.verb} resource "{asked.resource}" in API group "{asked.group}" {where}'
    which = f'{asked.resource.split("/")[0]} "{asked.name}"' if asked.name else asked.resource
    return status(403, f'{which} is forbidden: User "sam" {what}', "Forbidden")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: FakeApi

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = self._asked(address.path, parse_qs(address.query, keep_blank_values=True))
        if asked is None:
            self._reply(*self._discovered(address.path))
            return
        self.api.asked.append(asked)
        fault = next((answer for fault in self.api.faults if (answer := fault(asked)) is not None), None)
        if fault is not None:
            self._reply(*fault)
        elif self.api.forbidden(asked):
            self._reply(*no_permission(asked))
        elif asked.resource in ("pods/portforward", "pods/exec"):
            self._stream(asked)
        elif asked.verb not in ("list", "get"):
            self._reply(*store.written(self.api, asked))
        else:
            self._reply(*self.api.answer(asked))

    do_POST = do_PATCH = do_DELETE = do_GET

    def _asked(self, path: str, query: dict[str, list[str]]) -> Asked | None:
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        sub = match["sub"] or ""
        verb = _VERBS.get(self.command) or ("get" if match["name"] else "list")
        size = int(self.headers.get("Content-Length") or 0)
        return Asked(
            verb=verb,
            group=match["group"] or "",
            resource=match["plural"] + (f"/{sub}" if sub else ""),
            namespace=match["namespace"] or "",
            name=match["name"] or "",
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(self.rfile.read(size)) if size else {},
        )

    def _discovered(self, path: str) -> Answer:
        self.api.other_requests.append(path)
        group, _, version = path.removeprefix("/apis/").partition("/")
        if version in self.api.groups.get(group, ()):
            kinds = [{"name": plural} for plural in self.api.objects if plural not in CORE]
            return 200, json.dumps({"kind": "APIResourceList", "resources": kinds}).encode()
        served = self.api.groups.get(group)
        if served is None:
            return 404, b"404 page not found\n"
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in served]
        body = {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": versions}
        return 200, json.dumps({**body, "preferredVersion": versions[0]}).encode()

    def _reply(self, code: int, body: bytes) -> None:
        if not code:
            self.close_connection = True
            return
        self.send_response(code)
        if "gzip" in self.headers.get("Accept-Encoding", "") and len(body) > GZIP_FROM:
            self.api.zipped += 1
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(body, 1)
        for name, value in self.api.error_headers.items() if code >= 400 else ():
            self.send_header(name, value)
        if code in (301, 302, 307, 308):
            self.send_header("Location", body.decode())
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, asked: Asked) -> None:
        pod = f"{asked.namespace}/{asked.name}"
        envoy = self.api.envoys.get(pod)
        if envoy is None:
            self._reply(*status(404, f'pods "{asked.name}" not found', "NotFound"))
            return
        forward = asked.resource == "pods/portforward"
        socket = ServerSocket(self, ["v4.channel.k8s.io"] if forward else ["v5.channel.k8s.io", "v4.channel.k8s.io"])
        try:
            if forward:
                envoy.serve(socket, int(asked.query["ports"][0]), self.api.closing)
            else:
                _told(socket, self.api.run(pod, asked.query["command"]))
        except Gone:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing on stderr."""


def _told(socket: ServerSocket, ran: Ran) -> None:
    """As the kubelet tells of a command (k8s.io/kubelet, pkg/cri/streaming/remotecommand)."""
    for channel, text in ((1, ran.stdout), (2, ran.stderr)):
        for start in range(0, len(text), 30_000):
            socket.send(channel, text[start : start + 30_000])
    said: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if ran.code:
        said = {
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": f"command terminated with non-zero exit code: exit status {ran.code}",
            "details": {"causes": [{"reason": "ExitCode", "message": str(ran.code)}]},
        }
    socket.send(3, json.dumps(said).encode() if ran.last_word is None else ran.last_word)
    socket.hang_up()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving(api: FakeApi) -> Iterator[FakeApi]:
    """The API server on a free port of the loopback, until the block ends."""
    handler = type("Handler", (_Handler,), {"api": api})
    with _Server(("127.0.0.1", 0), handler) as server:
        api.address = "http://{}:{}".format(*server.server_address)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            api.closing.set()
            server.shutdown()
            thread.join()
