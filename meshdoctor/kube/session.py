"""Requests to one API server with one user's credentials, deadlines, and errors in plain words.

A GET is retried on 429 and 5xx (`retries`), and where the server does not answer but has answered before; a refusal is
final.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.login_plugin import LoginFailed, LoginRun
from meshdoctor.kube.retries import Retries, retry_after
from meshdoctor.kube.server_health import PATIENCE, ServerHealth
from meshdoctor.kube.server_url import request_url, without_password
from meshdoctor.text.printable import printable

CONNECT_SECONDS = 5.0
_POLL = 0.2
_CHUNK = 256 * 1024
"""Bytes of an answer between two checks of the deadline."""
_CONNECTIONS = 64
"""Connections kept open at most; more at the same time are opened and closed."""

Params = Sequence[tuple[str, str]]


class Refused(Unreadable):
    """The API server answered with an error. `status` is the HTTP status, `answer` the Kubernetes Status object.

    `retry_after`: the seconds after which it wants to be asked again, None where it does not say.
    """

    def __init__(self, status: int, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer or {}
        self.retry_after: float | None = None


class Unreachable(Unreadable):
    """The API server does not answer."""


class GivenUp(Unreachable):
    """The API server has not answered for so long that it is not asked for now."""


class Login(Struct, frozen=True):
    """What a kubeconfig, or a pod's service account, says about one context."""

    context: str
    """The context's name; `in-cluster` for a service account."""
    namespace: str
    """The context's namespace, `default` where it names none."""
    configuration: Any
    """A `kubernetes.client.Configuration`."""
    seconds: float = 30.0
    """Time limit for the plugin that renews the credentials."""
    can_renew: bool = False
    """A plugin or a provider renews them when they expire."""


class Session:
    """Requests to one API server. Safe to use from several threads."""

    def __init__(self, login: Login) -> None:
        import urllib3
        from kubernetes.client.rest import RESTClientObject

        # Skipping TLS verification is a decision of the kubeconfig; a warning for each request is noise.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        login.configuration.connection_pool_maxsize = _CONNECTIONS
        self.context = login.context
        self.namespace = login.namespace
        self.configuration = login.configuration
        self.url = request_url(login.configuration.host)
        """Where requests go."""
        self.server = without_password(self.url)
        """The same for the user."""
        self._pool: Any = RESTClientObject(login.configuration).pool_manager
        self._reached = False
        self._date = ""
        self.health = ServerHealth()
        self._login = login
        self._renewing = threading.Lock()
        self._failed: tuple[float, LoginFailed] | None = None
        """When the credentials could not be renewed, and why."""

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """TLS settings of WebSockets. Made once, because reading the trusted certificates is slow.

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
        """Time of the newest answer by the server's clock, to the second; None where it sends no date."""
        try:
            return parsedate_to_datetime(self._date).astimezone(UTC)
        except ValueError:
            return None

    def headers(self, deadline: Deadline) -> dict[str, str]:
        """The user's credentials as headers; tokens are renewed here where the login knows how.

        Raises `LoginFailed` where they cannot be renewed, and `Cancelled`. The time that this takes does not count.
        """
        # One login plugin at a time, although many threads may find the token expired.
        with deadline.suspended():
            while not self._renewing.acquire(timeout=_POLL):
                deadline.refuse_stopped()
            try:
                settings = self._settings(deadline)
            finally:
                self._renewing.release()
        return {s["key"]: s["value"] for s in settings.values() if s.get("in") == "header" and s.get("value")}

    def _settings(self, deadline: Deadline) -> Any:
        if not self._login.can_renew:
            return self.configuration.auth_settings()
        if self._failed is not None and time.monotonic() - self._failed[0] < PATIENCE:
            raise self._failed[1]
        run = LoginRun(self.configuration.auth_settings, self._login.seconds)
        try:
            settings = run.result(lambda: deadline.is_stopped)
            if run.warnings:
                raise LoginFailed(printable(without_password(" ".join("; ".join(run.warnings).split())))[:300])
        except LoginFailed as problem:
            failed = LoginFailed(f"the credentials of context {self.context} could not be renewed: {problem}")
            self._failed = (time.monotonic(), failed)
            raise failed from None
        return settings

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
        """The body of a successful answer; raises as `get` does. Only a GET is retried."""
        url = f"{self.url}{path}" + (f"?{urlencode(params)}" if params else "")
        sent = {"accept": "application/json", **self.headers(deadline), **(headers or {})}
        retries = Retries() if method == "GET" else None
        if retries is not None:
            sent["accept-encoding"] = "gzip"
        while True:
            self.refuse_given_up()
            try:
                reply = self._once(method, url, sent, body, deadline, path)
            except Unreachable:
                # A server that has answered before is retried until the deadline.
                if retries is None or not self._reached or not deadline.sleep(retries.after_silence()):
                    raise
                continue
            self._reached = True
            self.health.answered()
            if reply.status < 300:
                return reply.body
            pause = retries.after_error(reply.status, reply.retry_after) if retries is not None else None
            if pause is None or not deadline.pause(pause):
                raise self.refusal(reply.status, reply.body, reply.retry_after)

    def refuse_given_up(self) -> None:
        """Raises `GivenUp` where the server has not answered for long."""
        because = self.health.why_not()
        if because:
            raise GivenUp(because)

    def unreachable(self, because: str) -> Unreachable:
        """Records that the server did not answer, and returns the error to raise."""
        because = without_password(because)
        self.health.failed(because)
        return Unreachable(because)

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, deadline: Deadline, path: str
    ) -> _Reply:
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
            return _Reply(reply.status, _read(reply, deadline, path), retry_after(reply.headers))
        except (HTTPError, OSError) as problem:
            raise self.unreachable(
                f"{self.server} (context {self.context}) does not answer: {_cause(problem)}. Check that the context is "
                "the right one and its network is reachable."
            ) from None

    def refusal(self, status: int, answer: bytes, retry_after: float | None = None) -> Refused:
        """The server's error answer as an error for the user."""
        refused = self._refusal(status, answer)
        refused.retry_after = retry_after
        return refused

    def _refusal(self, status: int, answer: bytes) -> Refused:
        message = _message(answer)
        if status == 401:
            return Refused(
                401,
                f"{self.server} does not accept the credentials of context {self.context}: they expired or were "
                "revoked. Log in again, then retry.",
            )
        if status == 403:
            # Of 'pods "web-1" is forbidden: User ... cannot ...' the part that is the same for every pod.
            permission = message.rpartition(" is forbidden: ")[2] or "the server names no permission"
            return Refused(403, f"forbidden: {permission}")
        return Refused(status, f"the API server answered {status}: {message or 'no reason given'}", _object(answer))


class _Reply(Struct, frozen=True):
    status: int
    body: bytes
    retry_after: float | None


def _read(reply: Any, deadline: Deadline, path: str) -> bytes:
    """The whole body. The deadline is checked here, because the client's time limit restarts with every chunk."""
    chunks: list[bytes] = []
    try:
        while chunk := reply.read1(_CHUNK):
            chunks.append(chunk)
            deadline.received(len(chunk))
            deadline.left(path)
    except BaseException:
        reply.close()
        raise
    reply.release_conn()
    return b"".join(chunks)


def _object(answer: bytes) -> dict[str, Any] | None:
    """The answer as a JSON object; empty for other JSON, None where it is not JSON."""
    try:
        value = json.loads(answer)
    except ValueError:
        return None
    return value if isinstance(value, dict) else {}


def _message(answer: bytes) -> str:
    """The message of a Kubernetes Status, else the start of the text."""
    status = _object(answer)
    if status is None:
        return printable(answer[:200].decode("utf-8", "replace").strip())
    message = status.get("message")
    return printable(message[:500]) if isinstance(message, str) else ""


def _cause(problem: BaseException) -> str:
    """The innermost reason of a failed connection, without the names of the client's objects."""
    text = str(getattr(problem, "reason", None) or problem)
    if "closed connection without response" in text:
        return "it closes the connection without an answer"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the kubeconfig does not trust its certificate"
    for known in ("Connection refused", "timed out", "Name or service not known", "No route to host", "reset by peer"):
        if known in text:
            return known[0].lower() + known[1:]
    return printable(text.rsplit(">: ", 1)[-1])[:200]
