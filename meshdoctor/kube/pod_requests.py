"""Requests to a running pod: HTTP by port-forward, a command by exec, the log of a container.

Port-forward and exec are WebSockets, which Kubernetes authorises as `get` (the method) and, since 1.35, as `create`
(feature gate AuthorizePodWebsocketUpgradeCreatePermission): a role needs both verbs.
"""

from __future__ import annotations

import http.client
import io
from collections import defaultdict
from typing import Any

import msgspec
from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.body import Body
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.session import Session
from meshdoctor.kube.websockets import Broken, Channels
from meshdoctor.text.printable import printable

_FORWARD = ["v4.channel.k8s.io"]
_EXEC = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_STDOUT, _STDERR, _STATUS = 1, 2, 3
MAX_ANSWER = 512 * 1024 * 1024
"""Limit of one answer, in bytes: the limit for one file of a capture."""

MAX_LOG_LINES = 20_000


class Executed(Struct, frozen=True):
    """A command that ran to its end."""

    stdout: Body
    stderr: bytes
    failure: str
    """Empty where it ended with exit code 0, else the kubelet's message."""
    code: int | None = 0
    """The exit code, None where it is not known."""


class Forward(http.client.HTTPConnection):
    """HTTP to one port of a pod through the API server, one request at a time; leaving the `with` block ends it."""

    def __init__(self, session: Session, namespace: str, pod: str, port: int, deadline: Deadline) -> None:
        super().__init__("localhost", port)
        self._session = session
        self._target = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        self._deadline = deadline
        self._channels: Channels | None = None

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def connect(self) -> None:
        """Opens the forward. Raises `Refused`, `Unreachable`, `TimedOut` or `Cancelled`."""
        self._drop()
        ports = [("ports", str(self.port))]
        self._channels = Channels(self._session, self._target, ports, _FORWARD, self._deadline)
        self.sock: Any = _Stream(self._channels)

    def hang_up(self) -> None:
        """Ends the forward; the next request opens it again."""
        self.close()
        self._drop()

    def _drop(self) -> None:
        if self._channels is not None:
            self._channels.close()
            self._channels = None

    def fetch(self, target: str) -> Body:
        """The body of `GET target`, answered with 200. After a broken answer the next request opens the forward anew.

        Raises `Unreadable` for another status, a broken answer or one beyond `MAX_ANSWER`, and what `connect` raises.
        """
        try:
            status, reason, body, missing = self._exchange(target)
        except BaseException:
            self.hang_up()
            raise
        if status != 200:
            raise Unreadable(f"{target} answered {status} {printable(reason)}")
        if len(body) > MAX_ANSWER:
            self.hang_up()
            raise Unreadable(f"{target}: the answer is larger than {MAX_ANSWER:,} bytes")
        if missing:
            self.hang_up()
            raise Broken(f"{target}: the answer was cut short")
        return body

    def _exchange(self, target: str) -> tuple[int, str, Body, int]:
        """Status, reason, body, and the number of bytes of the announced length that did not come."""
        try:
            self.request("GET", target)
            reply = self.getresponse()
            body = self._body(reply)
        except http.client.HTTPException as problem:
            raise Broken(f"{target}: the answer is not valid HTTP ({type(problem).__name__})") from None
        return reply.status, reply.reason, body, reply.length or 0

    def _body(self, reply: http.client.HTTPResponse) -> Body:
        body = Body()
        while len(body) <= MAX_ANSWER and (size := reply.readinto(body.space())):
            body.advance(size)
            self._deadline.received(size)
        return body


class _Stream(io.RawIOBase):
    """A socket for http.client over the two channels of one forwarded port: data and errors."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._started: set[int] = set()
        self._rest = memoryview(b"")

    def sendall(self, data: bytes) -> None:
        self._channels.send(0, bytes(data))

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 256 * 1024)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            message = self._channels.receive()
            if message is None:
                return 0
            channel, data = message
            if channel not in self._started:
                # The first message of each channel only repeats the port number (k8s.io/kubelet,
                # pkg/cri/streaming/portforward/websocket.go).
                self._started.add(channel)
            elif channel == 1:
                raise Broken(printable(data.decode("utf-8", "replace").strip())[:300])
            else:
                self._rest = memoryview(data)
        given = min(len(buffer), len(self._rest))
        buffer[:given] = self._rest[:given]
        self._rest = self._rest[given:]
        return given

    def close(self) -> None:
        """http.client closes the file of every answer; the connection lives until the Forward hangs up."""


def execute(
    session: Session, namespace: str, pod: str, container: str, command: list[str], deadline: Deadline
) -> Executed:
    """Runs a command in a container to its end, without input.

    Raises `Refused`, `Unreachable`, `TimedOut` or `Cancelled`, and `Broken` where no exit status came.
    """
    params = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", c) for c in command)]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    channels = Channels(session, path, params, _EXEC, deadline)
    received: defaultdict[int, Body] = defaultdict(Body)
    size = 0
    try:
        while (message := channels.receive()) is not None:
            channel, data = message
            received[channel].add(data)
            size += len(data)
            deadline.received(len(data))
            if size > MAX_ANSWER:
                raise Unreadable(f"{command[0]}: the output is larger than {MAX_ANSWER:,} bytes")
            if channel == _STATUS:
                break
    finally:
        channels.close()
    if _STATUS not in received:
        raise Broken(f"{command[0]}: the connection ended before the command did")
    return Executed(received[_STDOUT], bytes(received[_STDERR]), *_exit_status(bytes(received[_STATUS])))


class _Cause(Struct):
    reason: str = ""
    message: str = ""


class _Details(Struct):
    causes: list[_Cause] = []


class _ExecStatus(Struct):
    status: str = ""
    message: str = ""
    details: _Details | None = None


def _exit_status(status: bytes) -> tuple[str, int | None]:
    """Failure and exit code of a kubelet's Status; the code is a cause (k8s.io/apimachinery, remotecommand)."""
    try:
        decoded = msgspec.json.decode(status, type=_ExecStatus)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "the exit status of the kubelet cannot be read", None
    if decoded.status == "Success":
        return "", 0
    causes = (decoded.details or _Details()).causes
    codes = [c.message for c in causes if c.reason == "ExitCode" and c.message.isdecimal()]
    return printable(decoded.message or "it failed")[:300], int(codes[0][:9]) if codes else None


def log_of(
    session: Session, namespace: str, pod: str, container: str, seconds: int, most: int, deadline: Deadline
) -> bytes:
    """The log of a container for the last `seconds`: the newest lines, and of these at most the first `most` bytes.

    Raises as `Session.get` does.
    """
    # limitBytes cuts off the newest lines, so the number of lines is bounded first (core/v1 PodLogOptions).
    asked = {"container": container, "sinceSeconds": seconds, "tailLines": MAX_LOG_LINES, "limitBytes": most}
    params = [(name, str(value)) for name, value in asked.items()]
    return session.get(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", params, deadline=deadline)
