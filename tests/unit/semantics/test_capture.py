"""What enters the sidecar and what passes it by."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, EnvVar, Pod
from meshdoctor.model.proxy import Node
from meshdoctor.semantics.istio.capture_settings import CaptureSetting, CaptureSettings, capture_settings
from meshdoctor.semantics.istio.traffic_capture import captured

APP = Container("app")
PROXY = Container("istio-proxy", run_as_user=1337)


def pod_with(*args: str, writer: str = "istio-init", annotations: dict[str, str] | None = None) -> Pod:
    init = Container(writer, args=("istio-iptables", *args), is_init=True, pointer=Pointer("pods", "$.i"))
    return Pod(
        "shop", "web", annotations=annotations or {}, containers=(init, APP, PROXY), pointer=Pointer("pods", "$")
    )


def verdict(pod: Pod, ip: str | None, port: int = 443) -> bool | None:
    return captured(capture_settings(pod), ip, port).verdict


def annotated(**values: str) -> Pod:
    prefix = "traffic.sidecar.istio.io/"
    return Pod("shop", "web", annotations={prefix + k: v for k, v in values.items()}, containers=(APP, PROXY))


def test_everything_is_captured_by_default() -> None:
    assert verdict(pod_with("-i", "*", "-x", "", "-u", "1337"), "203.0.113.1") is True
    assert verdict(pod_with("-i", "*", "-x", ""), None) is True


@pytest.mark.parametrize(
    "args",
    [
        ("-i", "10.96.0.0/16"),
        ("-i=10.96.0.0/16",),
        ("-i10.96.0.0/16",),
        ("--istio-service-cidr", "10.96.0.0/16"),
        ("--istio-service-cidr=10.96.0.0/16",),
        ("--run-validation", "-p", "15001", "-i", "10.96.0.0/16", "--skip-rule-apply"),
    ],
)
def test_every_spelling_of_a_flag(args: tuple[str, ...]) -> None:
    pod = pod_with(*args)
    assert verdict(pod, "10.96.0.7") is True
    assert verdict(pod, "203.0.113.1") is False
    assert verdict(pod, None) is None


def test_arguments_are_what_runs_and_the_annotation_is_what_to_change() -> None:
    annotation = "traffic.sidecar.istio.io/includeOutboundIPRanges"
    pod = pod_with("-i", "10.0.0.0/8", writer="istio-validation", annotations={annotation: "10.0.0.0/8"})
    got = captured(capture_settings(pod), "203.0.113.1", 443)
    assert (got.verdict, got.field, got.value) == (False, f"annotation {annotation}", "10.0.0.0/8")
    assert got.pointer == Pointer("pods", "$.i.args[2]")
    stale = pod_with("-i", "*", annotations={annotation: "10.0.0.0/8"})
    assert verdict(stale, "203.0.113.1") is True


def test_an_installation_default_is_named_where_no_annotation_holds_it() -> None:
    got = captured(capture_settings(pod_with("-i", "10.0.0.0/8")), "203.0.113.1", 443)
    assert got.field == "istio-init -i (global.proxy.includeIPRanges)"


def test_annotations_count_where_no_argument_was_seen() -> None:
    pod = annotated(excludeOutboundPorts="3306, 5432")
    assert verdict(pod, "203.0.113.1", 3306) is False
    assert verdict(pod, None, 5432) is False
    assert verdict(pod, "203.0.113.1", 443) is True


def test_empty_include_redirects_nothing_but_the_included_ports() -> None:
    pod = annotated(includeOutboundIPRanges="", includeOutboundPorts="443")
    assert verdict(pod, "203.0.113.1", 80) is False
    assert verdict(pod, None, 80) is False
    assert verdict(pod, None, 443) is True


def test_excluded_ranges_beat_included_ports_and_excluded_ports_beat_everything() -> None:
    pod = annotated(
        excludeOutboundIPRanges="203.0.113.0/24", includeOutboundPorts="443,3306", excludeOutboundPorts="3306"
    )
    assert verdict(pod, "203.0.113.9", 443) is False
    assert verdict(pod, "198.51.100.9", 443) is True
    assert verdict(pod, "198.51.100.9", 3306) is False
    assert verdict(pod, None, 443) is None


def test_excluding_all_addresses_needs_no_address() -> None:
    assert verdict(annotated(excludeOutboundIPRanges="0.0.0.0/0"), None) is False


def test_loopback_stays_in_the_pod() -> None:
    assert verdict(pod_with("-i", "*"), "127.0.0.1") is False


def test_the_proxys_own_user_is_exempt() -> None:
    app = Container("app", run_as_user=1337, pointer=Pointer("pods", "$.spec.containers[0]"))
    pod = Pod("shop", "web", containers=(app, PROXY), pointer=Pointer("pods", "$"))
    got = captured(capture_settings(pod), "203.0.113.1", 443)
    assert (got.verdict, got.value) == (False, "1337")
    assert got.pointer == Pointer("pods", "$.spec.containers[0].securityContext.runAsUser")


def test_another_proxy_user_moves_the_exemption() -> None:
    init = Container("istio-init", args=("-u", "1000680001"), is_init=True)
    same = Pod("s", "a", containers=(init, Container("app", run_as_user=1000680001), PROXY))
    other = Pod("s", "b", containers=(init, Container("app", run_as_user=1337), PROXY))
    assert verdict(same, "203.0.113.1") is False
    assert verdict(other, "203.0.113.1") is True


def test_the_pods_user_counts_unless_the_container_has_its_own() -> None:
    pod = Pod("s", "a", run_as_user=1337, containers=(Container("app"), Container("log", run_as_user=0), PROXY))
    settings = capture_settings(pod)
    assert captured(settings, "203.0.113.1", 443, "app").verdict is False
    assert captured(settings, "203.0.113.1", 443, "log").verdict is True
    assert captured(settings, "203.0.113.1", 443).verdict is True


def test_host_network_and_interception_none_pass_the_sidecar() -> None:
    assert verdict(Pod("s", "a", host_network=True, containers=(APP, PROXY)), "203.0.113.1") is False
    none = Pod("s", "a", annotations={"sidecar.istio.io/interceptionMode": "NONE"}, containers=(APP, PROXY))
    assert verdict(none, "203.0.113.1") is False


def test_a_dump_alone_shows_annotations_in_its_node_metadata() -> None:
    metadata: dict[str, object] = {"ANNOTATIONS": {"traffic.sidecar.istio.io/excludeOutboundPorts": "443"}}
    settings = capture_settings(None, Node(metadata=metadata), "config_dump.json")
    got = captured(settings, None, 443)
    assert got.verdict is False
    assert got.pointer is not None
    assert got.pointer.document == "config_dump.json"
    assert settings.known
    assert not capture_settings(None, None).known


def test_what_is_no_range_is_left_out_as_istio_does() -> None:
    assert verdict(annotated(excludeOutboundIPRanges="nonsense,203.0.113.0/24"), "203.0.113.1") is False
    assert verdict(annotated(excludeOutboundIPRanges="nonsense"), "203.0.113.1") is True


CIDRS = st.builds(lambda a, n: ipaddress.ip_network((a, n), strict=False), st.ip_addresses(v=4), st.integers(0, 32))


@given(st.lists(CIDRS, max_size=4), st.lists(CIDRS, max_size=4), st.ip_addresses(v=4))
def test_ranges_agree_with_the_address_module(
    include: list[ipaddress.IPv4Network], exclude: list[ipaddress.IPv4Network], address: ipaddress.IPv4Address
) -> None:
    settings = CaptureSettings(
        include_ranges=CaptureSetting(",".join(map(str, include)), "i"),
        exclude_ranges=CaptureSetting(",".join(map(str, exclude)), "x"),
    )
    expected = any(address in n for n in include) and not any(address in n for n in exclude)
    assert captured(settings, str(address), 443).verdict is (expected and not address.is_loopback)


@given(st.lists(CIDRS, max_size=4), st.lists(CIDRS, max_size=4), st.ip_addresses(v=4))
def test_a_verdict_without_address_holds_for_every_address(
    include: list[ipaddress.IPv4Network], exclude: list[ipaddress.IPv4Network], address: ipaddress.IPv4Address
) -> None:
    settings = CaptureSettings(
        include_ranges=CaptureSetting(",".join(map(str, include)), "i"),
        exclude_ranges=CaptureSetting(",".join(map(str, exclude)), "x"),
    )
    general = captured(settings, None, 443).verdict
    if general is not None and not address.is_loopback:
        assert captured(settings, str(address), 443).verdict is general


ANY = ("-i", "*", "-x", "")


@pytest.mark.parametrize(
    "pod",
    [
        pod_with(*ANY, "-c", "net1"),
        pod_with(*ANY, "--istio-exclude-interfaces=net1,eth1"),
        annotated(excludeInterfaces="net1"),
    ],
)
def test_an_excluded_interface_leaves_it_open_until_the_route_is_known(pod: Pod) -> None:
    got = captured(capture_settings(pod), "203.0.113.1", 443)
    assert (got.verdict, got.depends_on) == (None, "interface")
    assert "net1" in got.because


def test_an_excluded_interface_changes_nothing_of_what_passes_anyway() -> None:
    assert verdict(pod_with(*ANY, "-c", "net1", "-o", "443"), "203.0.113.1") is False
    assert verdict(pod_with("-i", "10.0.0.0/8", "-c", "net1"), "203.0.113.1") is False
    assert verdict(pod_with(*ANY, "-c", "lo"), "203.0.113.1") is True
    assert verdict(pod_with(*ANY, "-c", ""), "203.0.113.1") is True


def test_virtual_machines_interfaces_do_not_concern_containers() -> None:
    settings = capture_settings(pod_with(*ANY, "-k", "vnet0"))
    assert settings.reroute_interfaces.value == "vnet0"
    assert captured(settings, "203.0.113.1", 443).verdict is True
    newer = Pod("shop", "web", annotations={"istio.io/reroute-virtual-interfaces": "vnet1"}, containers=(APP, PROXY))
    assert capture_settings(newer).reroute_interfaces.value == "vnet1"


def with_app(
    app: Container, *args: str, env: tuple[EnvVar, ...] = (), writer: str = "istio-init", group: int | None = None
) -> Pod:
    init = Container(
        writer, args=("istio-iptables", *ANY, *args), env=env, is_init=True, pointer=Pointer("pods", "$.i")
    )
    return Pod("shop", "web", containers=(init, app, PROXY), run_as_group=group, pointer=Pointer("pods", "$"))


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (with_app(Container("app", run_as_group=1337)), False),
        (with_app(Container("app"), group=1337), False),
        (with_app(Container("app", run_as_group=1000), group=1337), True),
        (with_app(Container("app", run_as_group=2000), "-g", "1337,2000"), False),
        (with_app(Container("app", run_as_group=2000), "-u", "2000"), False),
        (with_app(Container("app", run_as_group=1337), "-u", "2000"), True),
        (with_app(Container("app", run_as_user=2000), "-u", "1337, 2000"), False),
    ],
)
def test_the_proxys_users_and_groups_are_lists(pod: Pod, expected: bool) -> None:
    assert verdict(pod, "203.0.113.1") is expected


def variable(name: str, value: str) -> tuple[EnvVar, ...]:
    return (EnvVar(name, value),)


@pytest.mark.parametrize(
    ("app", "env", "expected"),
    [
        (Container("app", run_as_group=3000), variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "3000,java"), False),
        (Container("app", run_as_group=4000), variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "3000"), True),
        (Container("app", run_as_group=4000), variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "3000,java"), None),
        (Container("app"), variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "3000"), None),
        (Container("app", run_as_group=3000), variable("ISTIO_OUTBOUND_OWNER_GROUPS", "3000"), True),
        (Container("app", run_as_group=4000), variable("ISTIO_OUTBOUND_OWNER_GROUPS", "3000"), False),
        (Container("app"), variable("ISTIO_OUTBOUND_OWNER_GROUPS", "3000"), None),
        (Container("app"), variable("ISTIO_OUTBOUND_OWNER_GROUPS", "*"), True),
    ],
)
def test_owner_groups(app: Container, env: tuple[EnvVar, ...], expected: bool | None) -> None:
    assert verdict(with_app(app, env=env), "203.0.113.1") is expected
    assert verdict(with_app(app, env=env, writer="istio-validation"), "203.0.113.1") is True


def test_variables_of_istio_init_count_where_no_argument_does() -> None:
    env = variable("ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE", "443")
    assert verdict(with_app(APP, env=env), "203.0.113.1") is False
    assert verdict(with_app(APP, "-o", "80", env=env), "203.0.113.1") is True
    got = captured(capture_settings(with_app(APP, env=env)), "203.0.113.1", 443)
    assert got.field == "istio-init env ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"


@pytest.mark.parametrize("arg", ["--native-nftables", "--native-nftables=true"])
def test_nftables_rules_mean_the_same(arg: str) -> None:
    pod = with_app(APP, arg, "-o", "443")
    assert capture_settings(pod).is_nftables
    assert verdict(pod, "203.0.113.1") is False
    assert not capture_settings(with_app(APP)).is_nftables


V6 = "2001:db8::7"
IPS = ("10.244.0.9", "fd00::9")


def dual(
    *args: str, env: tuple[EnvVar, ...] = (), proxy_env: tuple[EnvVar, ...] = (), ips: tuple[str, ...] = IPS
) -> Pod:
    made = with_app(APP, *args, env=env)
    containers = (*made.containers[:-1], Container("istio-proxy", env=proxy_env))
    return structs.replace(made, ips=ips, ip=ips[0], containers=containers)


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (dual(), False),
        (dual("--dual-stack"), True),
        (dual(env=variable("ISTIO_DUAL_STACK", "true")), True),
        (dual(proxy_env=variable("ISTIO_DUAL_STACK", "true")), True),
        (dual(env=variable("ISTIO_DUAL_STACK", "false")), False),
        (dual(ips=IPS[1:]), True),
    ],
)
def test_ipv6_of_a_dual_stack_pod_is_redirected_only_with_its_switch(pod: Pod, expected: bool) -> None:
    assert verdict(pod, V6) is expected
    assert verdict(pod, "203.0.113.1") is True


def test_a_dump_alone_says_nothing_of_the_switch() -> None:
    node = Node(metadata={"INSTANCE_IPS": ",".join(IPS)})
    assert captured(capture_settings(None, node), V6, 443).verdict is True
