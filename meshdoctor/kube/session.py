"""One API server seen with one user's credentials: requests with deadlines, and refusals in words.

Retried are a server that does not answer, 429 and 5xx; a refusal is final. Only what was reached once is waited for:
a server that was never there is told at once.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import chain, repeat
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.server_health import ServerHealth
from meshdoctor.text.printable import printable

CONNECT_SECONDS = 5.0
_PIECE = 256 * 1024
"""Bytes of an answer between two looks at the clock."""
_CONNECTIONS = 64
"""Kept open at most; more at once work, and are told to nobody."""
_BACK_OFF = (0.2, 0.5, 1.0, 2.0, 4.0)
_AGAIN = frozenset({429, 500, 502, 503, 504})

Params = Sequence[tuple[str, str]]


class Refused(Unreadable):
    """The API server answered, and not with what was asked for. `status` is the HTTP status.

    `answer` is the Kubernetes Status object it sent, empty where it sent none.
    """

    def __init__(self, status: int, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer or {}


class Unreachable(Unreadable):
    """The API server does not answer."""


class GivenUp(Unreachable):
    """It has not answered for so long that it is not asked again just now."""


class Login(Struct, frozen=True):
    """What a kubeconfig, or a pod's service account, says about one context."""

    context: str
    """The context's name; `in-cluster` for a service account."""
    namespace: str
    """The context's namespace, `default` where it names none."""
    configuration: Any
    """A `kubernetes.client.Configuration`."""


class Session:
    """Requests to one API server. Safe to use from several threads."""

    def __init__(self, login: Login) -> None:
        import urllib3
        from kubernetes.client.rest import RESTClientObject

        # Whoever skips TLS verification in a kubeconfig has decided so; a line for each request tells nothing new.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        login.configuration.connection_pool_maxsize = _CONNECTIONS
        self.context = login.context
        self.namespace = login.namespace
        self.configuration = login.configuration
        self.server: str = login.configuration.host.rstrip("/")
        self._pool: Any = RESTClientObject(login.configuration).pool_manager
        self._reached = False
        self._date = ""
        self.reach = ServerHealth()
        self._renewing = threading.Lock()

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What WebSockets trust and show. Made once: reading the trusted certificates costs more than an answer.

        Raises `OSError` for certificates that cannot be read.
        """
        configuration = self.configuration
        cadata = getattr(configuration, "ca_cert_data", None)
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None, cadata=cadata)
        if not configuration.verify_ssl or configuration.assert_hostname is False:
            context.check_hostname = False
        if not configuration.verify_ssl:
            context.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        return context

    @property
    def answered(self) -> datetime | None:
        """When the newest answer was given, by the server's own clock, to the second; None where it does not say."""
        try:
            return parsedate_to_datetime(self._date).astimezone(UTC)
        except ValueError:
            return None

    def headers(self) -> dict[str, str]:
        """The user's credentials as headers; tokens are renewed here where the login knows how."""
        # One login plugin at a time, whoever of many threads finds the token expired.
        with self._renewing:
            settings = self.configuration.auth_settings().values()
        return {s["key"]: s["value"] for s in settings if s.get("in") == "header" and s.get("value")}

    def get(self, path: str, params: Params = (), *, deadline: Deadline) -> bytes:
        """The body of a successful GET. Raises `Refused`, `Unreachable`, `TimedOut` or `Cancelled`."""
        return self.send("GET", path, params, deadline=deadline)

    def send(
        self,
        method: str,
        path: str,
        params: Params = (),
        *,
        deadline: Deadline,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a successful answer; raises as `get` does. What is no GET is never tried twice."""
        url = f"{self.server}{path}" + (f"?{urlencode(params)}" if params else "")
        sent = {"accept": "application/json", **self.headers(), **(headers or {})}
        pauses = iter(_BACK_OFF if method == "GET" else ())
        # A server that was there comes back: it is waited for as long as there is time.
        away = chain(_BACK_OFF, repeat(_BACK_OFF[-1])) if method == "GET" else iter(())
        while True:
            self.refuse_given_up()
            try:
                status, answer = self._once(method, url, sent, body, deadline, path)
            except Unreachable:
                pause = next(away, None) if self._reached else None
                if pause is None or not deadline.sleep(pause):
                    raise
                continue
            self._reached = True
            self.reach.answered()
            if status < 300:
                return answer
            pause = next(pauses, None) if status in _AGAIN else None
            if pause is None or not deadline.sleep(pause):
                raise self.refusal(status, answer)

    def refuse_given_up(self) -> None:
        """Raises `GivenUp` where the server has been away for long."""
        because = self.reach.why_not()
        if because:
            raise GivenUp(because)

    def away(self, because: str) -> Unreachable:
        """Notes that the server did not answer, and gives what to raise."""
        self.reach.failed(because)
        return Unreachable(because)

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, deadline: Deadline, path: str
    ) -> tuple[int, bytes]:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        seconds = deadline.left(path)
        timeout = Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        try:
            # redirect: credentials go to the server the user named, to no other.
            reply = self._pool.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            self._date = reply.headers.get("Date", "")
            return reply.status, _read(reply, deadline, path)
        except (HTTPError, OSError) as problem:
            raise self.away(
                f"{self.server} (context {self.context}) does not answer: {_cause(problem)}. Is it the right context, "
                "and its network within reach?"
            ) from None

    def refusal(self, status: int, answer: bytes) -> Refused:
        """What the server's answer means, in words for the user."""
        said = _message(answer)
        if status == 401:
            return Refused(
                401,
                f"{self.server} does not accept the credentials of context {self.context}: they expired or were "
                "revoked. Log in again, then try again.",
            )
        if status == 403:
            # 'pods "web-1" is forbidden: User ... cannot ...': what is the same for every pod is enough.
            return Refused(
                403, f"forbidden: {said.rpartition(' is forbidden: ')[2] or 'the server names no permission'}"
            )
        return Refused(status, f"the API server answered {status}: {said or 'no reason given'}", _object(answer))


def _read(reply: Any, deadline: Deadline, path: str) -> bytes:
    """The whole body. The client's own time limit starts anew with every piece, however small a server makes them."""
    pieces: list[bytes] = []
    try:
        while piece := reply.read1(_PIECE):
            pieces.append(piece)
            deadline.left(path)
    except BaseException:
        reply.close()
        raise
    reply.release_conn()
    return b"".join(pieces)


def _object(answer: bytes) -> dict[str, Any] | None:
    """The answer as a JSON object; empty for other JSON, None where it is no JSON."""
    try:
        said = json.loads(answer)
    except ValueError:
        return None
    return said if isinstance(said, dict) else {}


def _message(answer: bytes) -> str:
    """The message of a Kubernetes Status, else the start of the text."""
    said = _object(answer)
    if said is None:
        return printable(answer[:200].decode("utf-8", "replace").strip())
    message = said.get("message")
    return printable(message[:500]) if isinstance(message, str) else ""


def _cause(problem: BaseException) -> str:
    """The innermost reason of a failed connection, without the client's own object names."""
    text = str(getattr(problem, "reason", None) or problem)
    if "closed connection without response" in text:
        return "it hangs up without a word"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not the one the kubeconfig trusts"
    for known in ("Connection refused", "timed out", "Name or service not known", "No route to host", "reset by peer"):
        if known in text:
            return known[0].lower() + known[1:]
    return printable(text.rsplit(">: ", 1)[-1])[:200]
