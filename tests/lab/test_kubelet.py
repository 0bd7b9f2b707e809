"""Port-forward, exec and logs of the lab behave as a real kubelet's, through the API server and the usual client."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import websocket

from tests.lab.accounts import account_allowed
from tests.lab.api import Refused
from tests.lab.control import ADMIN_TOKEN
from tests.lab.faults import bad_admin, kill_envoy, revive, stopped_envoy
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.sidecar import RunningPod

pytestmark = pytest.mark.lab
ERROR_CHANNEL = 3
"""Where the end of a command is told (kubernetes/kubernetes, apimachinery remotecommand constants)."""

SCENARIO = Path(__file__).parent / "scenarios" / "tls-by-sni.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SCENARIO)


@pytest.fixture(scope="module")
def pod(lab: Lab, scenario: Scenario) -> RunningPod:
    lab.load(scenario)
    return lab.pods[scenario.pods[0].name]


class Stream:
    """Port-forward or exec by websocket, as the API server serves it: a channel's number, then its data."""

    def __init__(self, lab: Lab, pod: RunningPod, what: str, *query: tuple[str, str]) -> None:
        path = f"/api/v1/namespaces/{pod.pod.namespace}/pods/{pod.pod.name}/{what}?{urlencode(query)}"
        self.received: dict[int, bytes] = {}
        self._socket = websocket.create_connection(
            lab.control.server.replace("https:", "wss:") + path,
            header={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            subprotocols=["v4.channel.k8s.io"],
            sslopt={"ca_certs": str(lab.control.authority.certificate)},
        )

    def send(self, data: bytes) -> None:
        self._socket.send_binary(b"\0" + data)

    def read(self, limit: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Read until the other side closes, `enough` says so, or nothing comes for `limit` seconds."""
        self._socket.settimeout(limit)
        with suppress(websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException):
            while not enough():
                frame = self._socket.recv()
                if not frame:
                    return
                assert isinstance(frame, bytes)
                self.received[frame[0]] = self.received.get(frame[0], b"") + frame[1:]

    def close(self) -> None:
        self._socket.shutdown()  # type: ignore[no-untyped-call]


def run_in(lab: Lab, pod: RunningPod, *command: str) -> str:
    """What a command in the sidecar's container writes to stdout. Raises OSError where it fails."""
    query = [("container", "istio-proxy"), ("stdout", "1"), ("stderr", "1"), *(("command", word) for word in command)]
    with closing(Stream(lab, pod, "exec", *query)) as stream:
        stream.read(20, lambda: ERROR_CHANNEL in stream.received)
    ended = stream.received[ERROR_CHANNEL].decode()
    if '"Success"' not in ended:
        raise OSError(ended)
    return stream.received.get(1, b"").decode()


def get(lab: Lab, pod: RunningPod, path: str, limit: float = 20) -> bytes:
    """A page of the admin port by port-forward: what came until its declared length or the limit."""

    def answer() -> bytes:
        # The first two bytes of each channel are the port.
        return stream.received.get(0, b"")[2:]

    def is_whole() -> bool:
        head, found, body = answer().partition(b"\r\n\r\n")
        sizes = [int(v.split(b":")[1]) for v in head.lower().split(b"\r\n") if v.startswith(b"content-length:")]
        return bool(found and sizes and len(body) >= sizes[0]) or body.endswith(b"0\r\n\r\n")

    with closing(Stream(lab, pod, "portforward", ("ports", "15000"))) as stream:
        stream.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        stream.read(limit, is_whole)
    return answer()


def test_port_forward_reaches_the_admin_port_of_this_pod(lab: Lab, pod: RunningPod) -> None:
    others = [other for other in lab.pods.values() if other is not pod]
    assert others
    for one in (pod, *others):
        assert f"~{one.pod.name}.{one.pod.namespace}~".encode() in get(lab, one, "/server_info")


def test_exec_runs_in_the_pod(pod: RunningPod, lab: Lab) -> None:
    assert json.loads(run_in(lab, pod, "pilot-agent", "request", "GET", "/server_info"))["state"] == "LIVE"
    assert "198.51.100.30" in run_in(lab, pod, "getent", "ahostsv4", "maps.test")
    assert "LIVE" in run_in(lab, pod, "curl", "-s", "http://127.0.0.1:15000/ready")


def test_exec_of_a_command_that_the_image_lacks_fails(pod: RunningPod, lab: Lab) -> None:
    with pytest.raises(OSError, match="not found"):
        run_in(lab, pod, "python3", "--version")


def test_logs_hold_the_access_log_and_obey_their_limits(lab: Lab, scenario: Scenario, pod: RunningPod) -> None:
    lab.connect(*(probe for probe in scenario.probes if probe.pod == pod.pod.name))
    everything = lab.sidecar_log(pod.pod)
    assert "outbound|443||maps.test" in everything
    last = lab.sidecar_log(pod.pod, tailLines="1").splitlines()
    assert last == everything.splitlines()[-1:]
    assert len(lab.sidecar_log(pod.pod, limitBytes="200")) == 200
    assert "outbound|443||maps.test" in lab.sidecar_log(pod.pod, sinceSeconds="600")
    stamp = lab.sidecar_log(pod.pod, timestamps="true", tailLines="1").split()[0]
    assert abs((datetime.fromisoformat(stamp) - datetime.now(UTC)).total_seconds()) < 600


def test_an_account_may_do_what_its_rules_say(lab: Lab, pod: RunningPod) -> None:
    account = account_allowed(lab.control, "pods-only", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    with closing(lab.control.as_account(account.token)) as api:
        assert any(item["metadata"]["name"] == pod.pod.name for item in api.items("v1", "pods"))
        with pytest.raises(Refused) as refused:
            api.items("networking.istio.io/v1", "serviceentries")
    assert refused.value.status == 403


def test_an_expired_token_is_refused(lab: Lab) -> None:
    expired = account_allowed(lab.control, "late", [], expired=True)
    with closing(lab.control.as_account(expired.token)) as api, pytest.raises(Refused) as refused:
        api.items("v1", "pods")
    assert refused.value.status == 401


def test_a_killed_envoy_is_gone_until_revived(pod: RunningPod) -> None:
    kill_envoy(pod)
    with pytest.raises(OSError, match="refused"):
        pod.admin("/ready")
    revive(pod)
    assert pod.admin("/ready") == b"LIVE\n"


def test_a_stopped_envoy_is_silent(pod: RunningPod, lab: Lab) -> None:
    with stopped_envoy(pod):
        assert get(lab, pod, "/ready", limit=1) == b""
    assert b"LIVE" in get(lab, pod, "/ready")


@pytest.mark.parametrize(
    ("manner", "shown"), [("html", b"<!DOCTYPE"), ("trickle", b"LIVE"), ("silent", b""), ("cut", b'{"configs": [')]
)
def test_a_bad_admin_port(pod: RunningPod, lab: Lab, manner: str, shown: bytes) -> None:
    with bad_admin(pod, manner):
        page = get(lab, pod, "/ready", limit=20 if manner == "trickle" else 1)
        assert shown in page
        assert bool(page) == bool(shown)
    assert b"LIVE" in get(lab, pod, "/ready")


def test_the_api_server_comes_back_with_its_data(lab: Lab, pod: RunningPod) -> None:
    before = [item["metadata"]["uid"] for item in lab.api.items("v1", "pods")]
    lab.control.restart_api_server()
    assert [item["metadata"]["uid"] for item in lab.api.items("v1", "pods")] == before
