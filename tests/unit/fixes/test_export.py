"""`--export`: files that kustomize builds into the fixed objects, lines that a shell runs, nothing overwritten."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshdoctor.errors import NotEditable
from meshdoctor.fixes.files.export import export
from meshdoctor.fixes.plan.kubectl_commands import apply_line, delete_line, patch_line
from meshdoctor.fixes.plan.object_diff import json_patch, merge_patch
from meshdoctor.model.fix import Change
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.marks import REDACTED
from meshdoctor.yamlio import dump, load_documents

API = "networking.istio.io/v1"


def made(kind: str, name: str, api: str = API, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields}


def change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    there: Any = before or after
    metadata = there["metadata"]
    key = ObjectRef(there["kind"], metadata["namespace"], metadata["name"], api_version=there["apiVersion"])
    return Change(key=key, before=before, after=after)


GITHUB = made("ServiceEntry", "git.hub", spec={"hosts": ["git.test"], "resolution": "DNS", "exportTo": ["."]})
FIXED = {**GITHUB, "spec": {"hosts": ["git.test"], "resolution": "DNS", "addresses": ["198.51.100.20"]}}
OLD = made("ServiceEntry", "old", spec={"hosts": ["old.test"]})
NEW = made("ServiceEntry", "new", spec={"hosts": ["new.test"]})
SERVICE = made("Service", "api", "v1", spec={"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]})
NARROWED = {**SERVICE, "spec": {"ports": [{"port": 80, "name": "http-a"}]}}
ALL = (change(GITHUB, FIXED), change(OLD, None), change(None, NEW), change(SERVICE, NARROWED))


def files(root: Path) -> dict[str, Any]:
    found = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    return {name: load_documents(data, name)[0] for name, data in found.items()}


def test_what_is_written(tmp_path: Path) -> None:
    made_of = export(ALL, tmp_path / "out", base="../base")
    name = "serviceentry-shop-"
    assert files(tmp_path / "out") == {
        "kustomization.yaml": {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["../base", f"{name}new.yaml"],
            "patches": [
                {"path": f"patches/{name}git.hub.yaml"},
                {"path": f"patches/{name}old.yaml"},
                {
                    "path": "patches/service-shop-api.yaml",
                    "target": {"version": "v1", "kind": "Service", "name": "api", "namespace": "shop"},
                },
            ],
        },
        f"{name}new.yaml": NEW,
        f"whole/{name}git.hub.yaml": FIXED,
        "whole/service-shop-api.yaml": NARROWED,
        f"patches/{name}git.hub.yaml": {
            **{key: GITHUB[key] for key in ("apiVersion", "kind", "metadata")},
            "spec": {"addresses": ["198.51.100.20"], "exportTo": None},
        },
        f"patches/{name}old.yaml": {**{k: OLD[k] for k in ("apiVersion", "kind", "metadata")}, "$patch": "delete"},
        "patches/service-shop-api.yaml": [
            {"op": "replace", "path": "/spec/ports", "value": [{"port": 80, "name": "http-a"}]}
        ],
        f"undo/{name}git.hub.yaml": {"spec": {"addresses": None, "exportTo": ["."]}},
        f"undo/{name}old.yaml": OLD,
        "undo/service-shop-api.yaml": [{"op": "replace", "path": "/spec/ports", "value": SERVICE["spec"]["ports"]}],
    }
    assert set(made_of.written) == files(tmp_path / "out").keys()
    assert made_of.notes == ()


def test_the_lines_for_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = export(ALL, Path("my fixes"), context="prod/eu 1")
    start, entries = "kubectl '--context=prod/eu 1'", "serviceentries.networking.istio.io"
    by, stem = "--field-manager=meshdoctor", "serviceentry-shop-"
    patch = f"--namespace=shop {by} --type=merge --patch-file 'my fixes"
    assert [(command.do, command.undo) for command in done.commands] == [
        (
            f"{start} patch {entries}/git.hub {patch}/patches/{stem}git.hub.yaml'",
            f"{start} patch {entries}/git.hub {patch}/undo/{stem}git.hub.yaml'",
        ),
        (
            f"{start} delete {entries}/old --namespace=shop",
            f"{start} apply --server-side {by} -f 'my fixes/undo/{stem}old.yaml'",
        ),
        (
            f"{start} apply --server-side {by} -f 'my fixes/{stem}new.yaml'",
            f"{start} delete {entries}/new --namespace=shop",
        ),
        (
            f"{start} patch services/api {patch.replace('merge', 'json')}/patches/service-shop-api.yaml'",
            f"{start} patch services/api {patch.replace('merge', 'json')}/undo/service-shop-api.yaml'",
        ),
    ]


def test_patches_without_a_base_are_a_component(tmp_path: Path) -> None:
    export(ALL[:1], tmp_path)
    text = (tmp_path / "kustomization.yaml").read_text()
    assert text.startswith("# Patches objects of yours: add this folder to `components:`")
    assert load_documents(text.encode(), "k")[0]["kind"] == "Component"


def test_new_objects_alone_build_by_themselves(tmp_path: Path) -> None:
    export([change(None, NEW)], tmp_path)
    assert files(tmp_path)["kustomization.yaml"] == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["serviceentry-shop-new.yaml"],
    }


def built(folder: Path) -> list[Any]:
    """What kustomize makes of a folder; the test is skipped where there is neither kustomize nor kubectl."""
    kustomize, kubectl = shutil.which("kustomize"), shutil.which("kubectl")
    if not kustomize and not kubectl:
        pytest.skip("needs kustomize or kubectl")
    command = [kustomize, "build", str(folder)] if kustomize else [str(kubectl), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return load_documents(done.stdout.encode(), "built")


def by_name(objects: list[Any]) -> list[Any]:
    return sorted(objects, key=lambda item: (item["kind"], item["metadata"]["name"]))


def with_base(root: Path, objects: list[Any], **fields: Any) -> Path:
    (root / "base").mkdir()
    (root / "base/all.yaml").write_text("---\n".join(map(dump, objects)))
    (root / "base/kustomization.yaml").write_text(dump({"resources": ["all.yaml"], **fields}))
    return root


@pytest.mark.live
def test_kustomize_builds_what_was_meant(tmp_path: Path) -> None:
    root = with_base(tmp_path, [GITHUB, OLD, SERVICE])
    export(ALL, root / "overlay", base="../base")
    assert by_name(built(root / "overlay")) == by_name([FIXED, NEW, NARROWED])


@pytest.mark.live
def test_an_owners_kustomization_takes_the_component(tmp_path: Path) -> None:
    root = with_base(tmp_path, [GITHUB, OLD, SERVICE], components=["../fix"])
    export(ALL, root / "fix")
    assert by_name(built(root / "base")) == by_name([FIXED, NEW, NARROWED])


texts = st.sampled_from(["a", "yes", "1e3", "x: y", "*.test"])
fields: dict[Any, st.SearchStrategy[Any]] = {
    "hosts": st.lists(texts, max_size=3),
    "a/b": texts,
    "~": st.dictionaries(texts, texts, min_size=1, max_size=2),
    "ports": st.lists(st.fixed_dictionaries({"name": texts}, optional={"number": st.integers(0, 9)}), max_size=3),
}
specs = st.fixed_dictionaries({"resolution": texts}, optional=fields)


@pytest.mark.live
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(specs, specs)
def test_kustomize_builds_any_fix(tmp_path_factory: pytest.TempPathFactory, old: Any, new: Any) -> None:
    root = tmp_path_factory.mktemp("any")
    pairs = [
        (made("ServiceEntry", "a", spec=old), made("ServiceEntry", "a", spec=new)),
        (made("ConfigMap", "b", "v1", data=old), made("ConfigMap", "b", "v1", data=new)),
    ]
    with_base(root, [before for before, _ in pairs])
    export([change(*pair) for pair in pairs], root / "overlay", base="../base")
    assert by_name(built(root / "overlay")) == by_name([after for _, after in pairs])


def applied(tree: Any, patch: list[dict[str, Any]]) -> Any:
    """RFC 6902's operations on mappings, as `json_patch` uses them."""
    for operation in patch:
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        holder = tree
        for step in way:
            holder = holder[step]
        if operation["op"] == "remove":
            del holder[last]
        else:
            assert (last in holder) == (operation["op"] == "replace")
            holder[last] = operation["value"]
    return tree


@given(specs, specs)
def test_a_json_patch_carries_before_into_after(before: Any, after: Any) -> None:
    (copy,) = load_documents(dump(before).encode(), "copy")
    assert applied(copy, json_patch(before, after)) == after


def test_an_export_done_twice_changes_nothing(tmp_path: Path) -> None:
    first = export(ALL, tmp_path)
    again = export(ALL, tmp_path)
    assert first.written
    assert again.written == ()
    assert again.commands == first.commands


def test_other_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("mine: 1\n")
    with pytest.raises(
        NotEditable, match=r"already has files of these names with other content: kustomization\.yaml.*empty folder"
    ):
        export(ALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kustomization.yaml"]


def test_links_in_the_folder_lead_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/patches").symlink_to("../elsewhere")
    with pytest.raises(NotEditable, match="is now a link"):
        export(ALL, tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(NotEditable, match="Give another folder"):
        export(ALL, tmp_path / "out")


def test_names_that_look_alike_get_files_of_their_own(tmp_path: Path) -> None:
    names = ["a_b", "a+b", "../a-b"]
    done = export([change(None, made("ServiceEntry", name, spec={})) for name in names], tmp_path)
    stem = "serviceentry-shop-a-b"
    assert set(done.written) == {
        f"{stem}.yaml",
        f"{stem}-2.yaml",
        "serviceentry-shop-..-a-b.yaml",
        "kustomization.yaml",
    }


def test_a_redacted_secret_is_not_written(tmp_path: Path) -> None:
    secret = made("Deployment", "api", "apps/v1", spec={"env": [{"name": "TOKEN", "value": REDACTED}], "replicas": 1})
    more = {**secret, "spec": {**secret["spec"], "replicas": 2}}
    done = export([change(secret, more), change(OLD, None)], tmp_path)
    assert "whole/deployment-shop-api.yaml" not in done.written
    assert done.notes == (
        "whole/deployment-shop-api.yaml is not written: Deployment shop/api contains text that was redacted.",
    )
    with pytest.raises(NotEditable, match="redacted"):
        export([change(None, secret)], tmp_path / "other")
    gone = export([change(secret, None)], tmp_path / "gone")
    assert gone.commands[0].undo is None


@pytest.mark.parametrize("name", ["$(reboot)", "-A", "a b;c", "'x'", "\x1b[2J"])
def test_lines_are_quoted_for_the_shell_and_fit_for_a_terminal(name: str) -> None:
    key = ObjectRef("ServiceEntry", name, name, api_version=API)
    for line in (delete_line(key, name), patch_line(key, name, "merge", name), apply_line(name, name)):
        words = shlex.split(line)
        assert line.isprintable()
        assert words[0] == "kubectl"
        assert not any(word == "-A" for word in words if words[words.index(word) - 1] not in ("-f", "--patch-file"))
        if name.isprintable():
            assert f"--context={name}" in words
    if name.isprintable():
        assert shlex.split(delete_line(key))[2:] == [
            f"serviceentries.networking.istio.io/{name}",
            f"--namespace={name}",
        ]


def test_cluster_wide_objects_have_no_namespace() -> None:
    assert delete_line(ObjectRef("Namespace", "", "shop", api_version="v1")) == "kubectl delete namespaces/shop"


def test_a_change_of_nothing_writes_nothing(tmp_path: Path) -> None:
    done = export([change(GITHUB, GITHUB)], tmp_path)
    assert (done.written, done.commands) == (("kustomization.yaml",), ())


def test_a_merge_patch_of_nothing_is_empty() -> None:
    assert merge_patch(GITHUB, GITHUB) == {}
