"""A bug-report on the command line: exit codes, and what goes where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.unit.sources.bug_reports import POD, bug_report_of
from tests.unit.sources.sources import gzipped, tar_of, write

FILES = bug_report_of(ROOT / "snapshots" / "tcp-port-clash")
EMPTY = {"bug-report/bug-report.log": b"\n", "bug-report/versions": b""}
LOG_ONLY = {"bug-report/proxies/shop/web-1/istio-proxy.log": b"x\n"}


def packed(tmp_path: Path, files: Mapping[str, bytes]) -> str:
    path = tmp_path / "bug-report.tar.gz"
    path.write_bytes(gzipped(tar_of(files)))
    return str(path)


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        (FILES, 1, ""),
        (EMPTY, 3, "cluster/crs: is not in the bug-report"),
        (LOG_ONLY, 4, "config_dump?include_eds is not in the bug-report"),
    ],
    ids=["whole", "empty", "log only"],
)
def test_exit_codes(tmp_path: Path, cli: Cli, files: Mapping[str, bytes], code: int, said: str) -> None:
    done = cli("check", "--from", packed(tmp_path, files))
    assert done.code == code
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_a_report_without_proxies_is_not_evaluated(tmp_path: Path, cli: Cli) -> None:
    files = {path: content for path, content in FILES.items() if "/proxies/" not in path}
    done = cli("check", "--strict", "--from", packed(tmp_path, files))
    assert done.code == 3
    assert f"proxies/{POD}/config_dump.json" in "".join(done.out.split())


def test_check_hosts_and_trace_of_an_unpacked_report(tmp_path: Path, cli: Cli) -> None:
    folder = str(write(tmp_path, FILES))
    checked = cli("check", "--json", "--from", folder)
    document = json.loads(checked.out)
    assert (checked.code, document["source"]["kind"]) == (1, "bug-report")
    assert {e["document"] for f in document["findings"] for e in f["evidence"]} == {
        f"proxies/{POD}/config_dump?include_eds",
        "cluster/crs",
    }
    assert "github.com:443" in cli("hosts", "--from", folder).out
    traced = cli("trace", POD, "github.com:443", "--from", folder, "--json")
    assert (traced.code, json.loads(traced.out)["verdict"]) == (1, "misrouted")


def test_what_is_missing_is_told(tmp_path: Path, cli: Cli) -> None:
    files = {path: content for path, content in FILES.items() if not path.endswith("/crs")}
    done = cli("check", "--from", packed(tmp_path, files), "--strict")
    assert done.code == 1
    assert "cluster/crs" in done.out + done.err
