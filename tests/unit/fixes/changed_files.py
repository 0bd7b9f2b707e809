"""Fixes of small ServiceEntries, and manifest files to carry them out in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshdoctor.errors import NotEditable
from meshdoctor.fixes.files.file_edits import plan_edits
from meshdoctor.fixes.files.manifest_files import read_manifests
from meshdoctor.model.fix import Change, FileEdit
from meshdoctor.model.object_ref import ObjectRef

API = "networking.istio.io/v1"


def entry(name: str = "github", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": API,
        "kind": "ServiceEntry",
        "metadata": metadata,
        "spec": {"hosts": ["git.test"], "resolution": "DNS", **spec},
    }


def change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    there: Any = before or after
    metadata = there["metadata"]
    key = ObjectRef(
        there["kind"], metadata.get("namespace", "default"), metadata["name"], api_version=there["apiVersion"]
    )
    return Change(key=key, before=before, after=after)


FIX = change(entry(), entry(addresses=["198.51.100.20"]))


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def plan(*paths: Path, changes: tuple[Change, ...] = (FIX,)) -> tuple[FileEdit, ...]:
    return plan_edits(changes, read_manifests(paths))


def refusal(*paths: Path, changes: tuple[Change, ...] = (FIX,)) -> str:
    with pytest.raises(NotEditable) as caught:
        plan(*paths, changes=changes)
    assert str(caught.value).isprintable()
    return str(caught.value)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
