"""Secrets planted in hundreds of places of a capture, by every form that people write them in: none is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from meshdoctor import bundled, doctor, yamlio
from meshdoctor.sources.read_source import read_capture
from tests.planting import FORMS, RECOGNISABLE, Planter, config_map, envoy_filter, others, pod, virtual_service
from tests.planting_pages import plant_in_dump


def planted(target: Path, secret: Planter) -> Path:
    shutil.copytree(bundled.snapshots_dir() / "egress-gateway", target)
    (target / "snapshot.yaml").unlink()
    bodies = {"pods": pod(secret), "configmaps": config_map(secret), "virtualservices": virtual_service(secret)}
    for plural, body in [*bodies.items(), ("envoyfilters", envoy_filter(secret)), *others(secret)]:
        path = target / "resources" / f"{plural}.yaml"
        items = yamlio.load_documents(path.read_bytes(), str(path))[0]["items"] if path.exists() else []
        path.write_text(yamlio.dump({"apiVersion": "v1", "kind": "List", "items": [*items, body]}))
    folder = sorted(target.glob("proxies/*/*"))[0]
    dump = json.loads((folder / "config_dump.json").read_bytes())
    plant_in_dump(secret, dump)
    (folder / "config_dump.json").write_text(json.dumps(dump, indent=1))
    info = {
        "command_line_options": {"config_yaml": secret("config_yaml"), "service_node": secret("service node")},
        "node": {"metadata": {"X": secret("server_info node")}},
    }
    (folder / "server_info.json").write_text(json.dumps(info))
    page = json.loads((folder / "clusters.json").read_bytes())
    page["cluster_statuses"].append(
        {"name": "x", "x": secret("clusters page"), "host_statuses": [{"hostname": secret("hostname", FORMS["gho"])}]}
    )
    (folder / "clusters.json").write_text(json.dumps(page))
    (folder / "stats.txt").write_text(f"cluster.x.upstream_cx_total: 1\n{secret('stats line', 'a line with {}')}\n")
    (folder / "istio-proxy.log").write_text(f'[x] "GET /login?p={secret("access log")} HTTP/1.1"\n')
    return target


@pytest.mark.parametrize("suffix", ["", ".tar.zst"])
def test_none_of_the_planted_secrets_is_in_a_saved_capture(tmp_path: Path, suffix: str) -> None:
    secret = Planter()
    source = doctor.Source(path=planted(tmp_path / "planted", secret))
    assert len(secret.places) >= 300
    saved = doctor.save_capture(source, tmp_path / f"saved{suffix}")
    capture = read_capture(saved.path)
    text = "\n".join(document.read().decode() for document in capture.documents.values())
    if not suffix:
        text += (saved.path / "capture.yaml").read_text()
    assert [place for planted_one, place in secret.places.items() if planted_one in text] == []
    assert saved.removed > 50
    assert saved.replaced > 200


def test_with_keep_all_the_recognisable_ones_are_still_removed(tmp_path: Path) -> None:
    secret = Planter()
    source = doctor.Source(path=planted(tmp_path / "planted", secret))
    saved = doctor.save_capture(source, tmp_path / "saved", keep_all=True)
    text = "\n".join(document.read().decode() for document in read_capture(saved.path).documents.values())
    left = [place for planted_one, place in secret.places.items() if planted_one in text]
    known = tuple(f" as {form}" for form in RECOGNISABLE)
    assert [place for place in left if place.endswith(known)] == []
    assert "env X as plain" not in left or saved.replaced == 0
