"""WebSockets through the API server, for port-forward and exec: a message is the number of a channel and its bytes.

The Kubernetes client's own port-forward has no time limit and hides the server's refusal, so the sockets are opened
here, with its configuration. Sub-protocols: k8s.io/apimachinery, pkg/util/remotecommand/constants.go.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlparse

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline, TimedOut
from meshdoctor.kube.retries import retry_after
from meshdoctor.kube.session import CONNECT_SECONDS, Params, Session

_BINARY, _CLOSE = 0x2, 0x8


class Broken(Unreadable):
    """The connection ended before the answer was complete."""


class Channels:
    """An open WebSocket of Kubernetes' channel protocol."""

    def __init__(self, session: Session, path: str, params: Params, protocols: list[str], deadline: Deadline) -> None:
        self._deadline = deadline
        self._socket = _opened(session, f"{path}?{urlencode(params)}", protocols, deadline)

    def send(self, channel: int, data: bytes) -> None:
        """Raises `Broken`, `TimedOut` or `Cancelled`."""
        self._guarded(lambda: self._socket.send(bytes([channel]) + data, opcode=_BINARY))

    def receive(self) -> tuple[int, bytes] | None:
        """The next message as (channel, bytes), None after the last. Raises as `send` does."""
        while True:
            opcode, data = self._guarded(lambda: self._socket.recv_data(control_frame=True))
            if opcode == _CLOSE:
                return None
            if opcode == _BINARY and data:
                return data[0], data[1:]

    def close(self) -> None:
        """Ends the connection without waiting for the other side."""
        self._socket.shutdown()

    def _guarded(self, action: Any) -> Any:
        from websocket import WebSocketException, WebSocketTimeoutException

        self._socket.settimeout(self._deadline.left("it"))
        try:
            return action()
        except WebSocketTimeoutException:
            raise TimedOut(f"it took longer than {self._deadline.seconds:.3g} s") from None
        except (WebSocketException, OSError, AttributeError) as problem:
            # AttributeError: the library drops its socket while another call still uses it.
            raise Broken(f"the connection broke: {problem}") from None


def _opened(session: Session, target: str, protocols: list[str], deadline: Deadline) -> Any:
    from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

    session.refuse_given_up()
    headers = [f"{name}: {value}" for name, value in session.headers(deadline).items()]
    try:
        options = {"context": session.tls, "server_hostname": session.configuration.tls_server_name}
        opened: Any = WebSocket(sslopt=options, skip_utf8_validation=True)
        opened.connect(
            "ws" + session.url.removeprefix("http") + target,
            header=headers,
            subprotocols=protocols,
            timeout=min(CONNECT_SECONDS, deadline.left("connecting")),
            suppress_origin=True,
            redirect_limit=0,
            **_proxy(session.configuration),
        )
    except WebSocketBadStatusException as problem:
        session.health.answered()
        after = retry_after(problem.resp_headers or {})
        raise session.refusal(problem.status_code, problem.resp_body or b"", after) from None
    except (WebSocketException, OSError) as problem:
        raise session.unreachable(f"{session.server} does not accept the WebSocket connection: {problem}") from None
    session.health.answered()
    return opened


def _proxy(configuration: Any) -> dict[str, Any]:
    """The proxy of the configuration. The proxy variables of the environment are ignored."""
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}
    proxy = urlparse(configuration.proxy)
    options: dict[str, Any] = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port or 80}
    if proxy.username:
        options["http_proxy_auth"] = (proxy.username, proxy.password or "")
    if configuration.no_proxy:
        options["http_no_proxy"] = configuration.no_proxy.split(",")
    return options
