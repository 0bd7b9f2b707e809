"""Where a write goes: a name never leads to another object, and never takes the dry run off a request."""

from __future__ import annotations

from typing import cast

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube.session import Session
from meshdoctor.kube.writes import Writer, target_of

V1 = "networking.istio.io/v1"


def test_a_name_stays_one_segment_of_the_path() -> None:
    target = target_of(V1, "ServiceEntry", "shop", "db#x/../y?z")
    assert target.path == "/apis/networking.istio.io/v1/namespaces/shop/serviceentries/db%23x%2F..%2Fy%3Fz"


@pytest.mark.parametrize(("namespace", "name"), [("shop", ""), ("shop", ".."), ("", "db")])
def test_what_names_no_object_is_not_asked_for(namespace: str, name: str) -> None:
    with pytest.raises(Unreadable, match="has no valid namespace and name"):
        Writer(cast(Session, None)).target(V1, "ServiceEntry", namespace, name)
