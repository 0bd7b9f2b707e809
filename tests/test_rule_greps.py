"""What the commands on rules' pages look for is there: each `... | grep` finds a line in what istioctl or kubectl
prints for meshes that have the fault."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshdoctor.rules.loader import load_rules
from tests.meshes import cluster, dump, http, listener, route_config, tcp, virtual_host

ROOT = Path(__file__).parent.parent
RULES = load_rules([ROOT / "rules"])
CAPTURES = [p for p in sorted((ROOT / "snapshots").iterdir()) if (p / "proxies").is_dir()]
GREP = re.compile(
    r"^\s+(istioctl proxy-config (\w+)|kubectl get (\w+)|kubectl exec)\b(.*?) \| (grep [^#\n]*)", re.MULTILINE
)
SECTIONS = {
    "bootstrap": "BootstrapConfigDump",
    "listener": "ListenersConfigDump",
    "cluster": "ClustersConfigDump",
    "routes": "RoutesConfigDump",
}
HOST = "www.example"
OBJECTS: list[dict[str, Any]] = [
    {"kind": "Sidecar", "spec": {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}},
    {"kind": "VirtualService", "spec": {"http": [{"fault": {"abort": {"httpStatus": 503}}}]}},
    {
        "kind": "DestinationRule",
        "metadata": {"name": "a"},
        "spec": {"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
    },
]
STATS = "listener_manager.lds.update_success: 4\nlistener_manager.lds.update_rejected: 0\n"


def greps() -> Iterator[Any]:
    """(what is printed, the grep) of each command that filters what it prints."""
    for rule in RULES:
        page = rule.page
        texts = [page.description, page.diagnosis, page.remediation, *(fix.steps for fix in rule.fixes)]
        for found in GREP.finditer("\n".join(texts)):
            _, section, kind, rest, grep = found.groups()
            if "{fact." in grep or re.search(r"\b(HOST|PORT|NAME)\b", grep):
                continue
            printed = section or kind or ("config_dump" if "config_dump" in rest else "stats")
            yield pytest.param(printed, grep, id=f"{rule.id}: {grep.strip()}")


def camel(value: Any) -> Any:
    """Field names as protojson writes them; the names of filters and types stay."""
    if isinstance(value, dict):
        return {re.sub(r"(?<=[a-z])_([a-z])", lambda m: m[1].upper(), key): camel(one) for key, one in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value


@functools.cache
def dumps() -> tuple[Any, ...]:
    """Dumps of the bundled snapshots, and of faults that none of them has."""
    fault = {"abort": {"http_status": 503, "percentage": {"numerator": 100}}}
    made = [
        dump(
            [listener("0.0.0.0", 80, http("80"))],
            [cluster(HOST, 80, tls=HOST)],
            [route_config("80", virtual_host(HOST, 80, fault=fault))],
        ),
        dump([listener("0.0.0.0", 443, tcp("outbound|443||" + HOST))], [cluster(HOST, 443, mutual=True)]),
    ]
    rejected = json.loads(json.dumps(made[1]))
    rejected["configs"].append(
        {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamic_warming_secrets": [{"name": "ca"}]}
    )
    for section in rejected["configs"]:
        for item in section.get("dynamic_listeners", ()):
            item["error_state"] = {"details": "overlapping filter chains"}
    read = [json.loads(p.read_text(encoding="utf-8")) for c in CAPTURES for p in c.glob("proxies/*/*/config_dump.json")]
    return (*made, rejected, *read)


@functools.cache
def printed_by(what: str) -> str:
    """What the command prints, for all of these meshes one after the other."""
    if what == "config_dump":
        return "\n".join(json.dumps(found, indent=1) for found in dumps())
    if what in SECTIONS:
        kind = SECTIONS[what]
        parts = [c for found in dumps() for c in found["configs"] if c.get("@type", "").endswith(kind)]
        return "\n".join(json.dumps(camel(part), indent=4) for part in parts)
    if what == "stats":
        return STATS
    files = [p for c in CAPTURES for p in c.glob(f"resources/{what.removesuffix('s')}s.yaml")]
    lists = [yaml.safe_load(p.read_text(encoding="utf-8")) for p in files]
    lists.append({"items": [one for one in OBJECTS if one["kind"].lower() == what.removesuffix("s")]})
    return "\n".join(yaml.safe_dump(found, indent=2) for found in lists)


@pytest.mark.parametrize(("printed", "grep"), list(greps()))
def test_a_grep_finds_what_it_is_for(printed: str, grep: str) -> None:
    words = shlex.split(grep)
    command = words[: words.index("|")] if "|" in words else words
    found = subprocess.run(command, input=printed_by(printed), capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{grep} finds nothing in {printed}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_commands_run_as_they_are(rule: Any) -> None:
    """istio-proxy's distroless image has pilot-agent and no shell; a pod is named with its namespace."""
    page = rule.page
    for text in (page.description, page.diagnosis, page.remediation, *(fix.steps for fix in rule.fixes)):
        assert not re.search(r"-c istio-proxy -- (curl|getent|wget|cat|nc)\b", text)
        assert not re.search(r"(proxy-config \w+|kubectl (exec|logs|get pod)) \w*POD(?! -n)", text)
