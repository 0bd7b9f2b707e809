"""The session while pods come, go and refuse, and where rights are missing: a row says why, the rest goes on."""

from __future__ import annotations

import pytest

from tests.cluster.apiserver import Answer, Asked, FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.live_sessions import look_again, mesh_state, opened, over, pods, to_finding, told, without
from tests.cluster.meshes import RATINGS, copy_pod
from tests.tui.sessions import press, run, screen
from tests.tui.waiting import text, until

NAME = RATINGS.split("/")[1]


def test_a_pod_that_goes_between_its_listing_and_its_dump(api: FakeApi, source: MakeSource) -> None:
    other = copy_pod(api, "other")
    del api.envoys[other]

    async def story() -> None:
        async with opened(source()) as pilot:
            assert pods(pilot) == {NAME: "judged", "other": "unread"}
            assert "the pod was deleted while its sidecar was read" in mesh_state(pilot).pods[other].because
            assert mesh_state(pilot).findings
            without(api, other)
            await look_again(pilot)
            assert pods(pilot) == {NAME: "judged"}
            assert set(mesh_state(pilot).changes.gone("pods")) == {other}

    run(story())


def test_a_pod_that_goes_while_its_trace_and_its_details_are_open_then_r_on_it(
    api: FakeApi, source: MakeSource
) -> None:
    other = copy_pod(api, "other")

    async def story() -> None:
        async with opened(source()) as pilot:
            await press(pilot, "j")
            await press(pilot, *("k" for _ in range(3)))
            while screen(pilot)._panels["pods"].table.key != other:
                await press(pilot, "j")
            await press(pilot, "d")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "PodScreen")
            without(api, other)
            screen(pilot).app.session.refresh()
            await over(pilot)
            assert "not there any more" in text(pilot)
            await press(pilot, "escape")
            assert other in screen(pilot)._panels["pods"].table.keys, "it is told for a while that it has gone"
            await press(pilot, "t")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "TraceScreen")
            await press(pilot, "escape")
            await look_again(pilot, "r")
            assert pods(pilot) == {NAME: "judged"}

    run(story())


def test_a_finding_whose_pods_have_all_gone_is_gone(api: FakeApi, source: MakeSource) -> None:
    copy_pod(api, "other")
    copy_pod(api, "still")

    async def story() -> None:
        async with opened(source()) as pilot:
            await to_finding(pilot)
            front = screen(pilot)
            without(api, RATINGS)
            front.app.session.refresh()
            await over(pilot)
            assert "gone" not in str(front.query_one("#title").content), "other pods have it"
            without(api, "bookinfo/other")
            without(api, "bookinfo/still")
            copy = next(iter(api.objects["pods"]), None)
            assert copy is None
            front.app.session.refresh()
            await over(pilot)
            await press(pilot, "escape")
            assert any("no pod" in one for one in told(pilot)), "without a pod there is nothing to check"
            assert mesh_state(pilot).findings, "what was known stays"

    run(story())


def test_a_pod_that_comes_is_read_and_marked(api: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with opened(source()) as pilot:
            new = copy_pod(api, "new")
            await look_again(pilot)
            assert mesh_state(pilot).pods[new].change == "new"
            assert pods(pilot)["new"] == "judged"

    run(story())


@pytest.mark.parametrize(
    ("forbidden", "because"),
    [
        ({"pods/portforward"}, ""),
        ({"pods/portforward", "pods/exec"}, "neither port-forward nor exec is allowed"),
    ],
)
def test_sidecars_that_may_not_be_asked_say_so_in_their_rows(
    api: FakeApi, source: MakeSource, forbidden: set[str], because: str
) -> None:
    api.forbidden = lambda asked: asked.resource in forbidden

    async def story() -> None:
        async with opened(source()) as pilot:
            row = mesh_state(pilot).pods[RATINGS]
            assert row.state == ("unread" if because else "judged")
            assert because in row.because
            if because:
                assert "port-forward" in text(pilot)
                assert "meshdoctor rbac" in row.because
                assert "0 of 1 sidecars" in text(pilot).splitlines()[0]
                api.forbidden = lambda asked: False
                await look_again(pilot, "r")
                assert pods(pilot) == {NAME: "judged"}

    run(story())


def test_a_kind_that_may_not_be_listed_is_counted_and_the_rest_is_judged(api: FakeApi, source: MakeSource) -> None:
    api.forbidden = lambda asked: asked.resource == "serviceentries"

    async def story() -> None:
        async with opened(source()) as pilot:
            assert pods(pilot) == {NAME: "judged"}
            found = mesh_state(pilot).diagnosis
            assert found is not None
            assert any("serviceentries" in one.path and "forbidden" in one.because for one in found.unread)
            assert found.not_evaluated

    run(story())


def test_an_answer_that_is_no_api_servers_is_a_sentence(api: FakeApi, source: MakeSource) -> None:
    """A captive portal, a proxy that wants a login."""

    def portal(asked: Asked) -> Answer:
        return 200, b"<html>Welcome to the hotel</html>"

    async def story() -> None:
        async with opened(source()) as pilot:
            known = set(mesh_state(pilot).findings)
            api.faults.append(portal)
            await look_again(pilot)
            failed = mesh_state(pilot).failed
            assert failed is not None
            assert "is not that of an API server" in failed.because
            assert set(mesh_state(pilot).findings) == known

    run(story())
