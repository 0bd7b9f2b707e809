"""A label selector limits every answer to the pods that it matches, as a namespace does."""

from __future__ import annotations

import pytest

from meshdoctor import doctor
from meshdoctor.errors import NothingToJudge
from tests.meshes import (
    Mesh,
    dump,
    pod,
)

DEPENDENCY = {"A": "https://a.example"}


def test_labels_choose_the_pods_as_namespaces_do() -> None:
    labelled = [pod(DEPENDENCY, key=f"shop/{name}", labels={"app": name}) for name in ("web", "api")]
    mesh = Mesh({"shop/web": dump(key="shop/web"), "shop/api": dump(key="shop/api")}, *labelled)
    assert doctor.diagnose(mesh.case, labels="app=web").proxies == 1
    assert doctor.diagnose(mesh.case, labels="app in (web, api)").proxies == 2
    assert {v.pod for row in doctor.hosts(mesh.case, labels="app=web").hosts for v in row.verdicts} <= {"shop/web"}
    with pytest.raises(NothingToJudge, match="no pod has the labels app=db"):
        doctor.diagnose(mesh.case, labels="app=db")
