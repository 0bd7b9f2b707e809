"""The difference of an object before and after a change: as edits, as patches, as a unified diff."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from msgspec import UNSET, Struct

from meshdoctor import yamlio
from meshdoctor.model.fix import Change
from meshdoctor.text.printable import printable, printable_lines
from meshdoctor.yamlio.alignment import aligned, same

Path = tuple[str | int, ...]


class Edit(Struct, frozen=True):
    """One change in a tree.

    `path` is a path in the tree before. Without `old`, `new` is added: in a list, before the item at that index.
    Without `new`, `old` is removed.
    """

    path: Path
    old: Any = UNSET
    new: Any = UNSET


def difference(before: Any, after: Any) -> list[Edit]:
    """The smallest edits from `before` to `after`, for `patched`.

    List items are matched by `yamlio.alignment`: a port whose number changes is edited, not replaced.
    """
    return list(_edits((), before, after))


def patched(tree: Any, edits: list[Edit]) -> Any:
    """A copy of `tree` with the edits made. Raises `LookupError` where a path of an edit does not exist."""
    whole = [edit for edit in edits if not edit.path]
    if whole:
        return whole[-1].new
    below: dict[str | int, list[Edit]] = {}
    for edit in edits:
        below.setdefault(edit.path[0], []).append(Edit(edit.path[1:], edit.old, edit.new))
    if isinstance(tree, list):
        return _patched_list(tree, below)
    if not isinstance(tree, dict):
        if not edits:
            return tree
        raise LookupError(edits[0].path)
    patched_tree = dict(tree)
    for key, inner in below.items():
        if inner[-1].new is UNSET and not inner[-1].path:
            del patched_tree[str(key)]
        else:
            patched_tree[str(key)] = patched(tree[str(key)] if inner[0].path else None, inner)
    return patched_tree


def merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from `before` to `after`: None removes a key, a list is replaced.

    A None in `after` has the same effect as a removed key; the API server keeps neither.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, new in after.items():
        old = before.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = merge_patch(old, new)
            if inner:
                patch[key] = inner
        elif key not in before or not same(old, new):
            patch[key] = new
    return patch


def merged(tree: Any, patch: Any) -> Any:
    """A copy of `tree` with a JSON merge patch (RFC 7386) applied."""
    if not isinstance(patch, dict):
        return patch
    made = dict(tree) if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def json_patch(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch (RFC 6902) from `before` to `after`. A list that changes is replaced whole."""
    return list(_operations("", before, after))


def unified(change: Change) -> str:
    """The change as a unified diff of the object's YAML, safe to print; empty where nothing changes.

    Keys keep their order, so that only changes show. A created or deleted object is compared with /dev/null.
    """
    name = printable(str(change.key))
    after = in_order_of(change.before, change.after)
    lines = unified_diff(
        _lines(change.before),
        _lines(after),
        "/dev/null" if change.before is None else f"{name} (before)",
        "/dev/null" if change.after is None else f"{name} (after)",
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def in_order_of(model: Any, value: Any) -> Any:
    """`value` with its keys in the order of `model`."""
    if isinstance(model, dict) and isinstance(value, dict):
        keys = [key for key in model if key in value]
        if [key for key in value if key in model] == keys:
            keys = list(value)
        else:
            keys += [key for key in value if key not in model]
        return {key: in_order_of(model.get(key), value[key]) for key in keys}
    if isinstance(model, list) and isinstance(value, list):
        stood = {j: model[i] for i, j in aligned(model, value) if i is not None and j is not None}
        return [in_order_of(stood.get(j), item) for j, item in enumerate(value)]
    return value


def _lines(value: dict[str, Any] | None) -> list[str]:
    return [] if value is None else printable_lines(yamlio.dump(value).removesuffix("\n")).split("\n")


def _operations(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in [*before, *(key for key in after if key not in before)]:
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        old, new = before.get(key), after.get(key)
        if key not in after:
            yield {"op": "remove", "path": place}
        elif key not in before:
            yield {"op": "add", "path": place, "value": new}
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _operations(place, old, new)
        elif not same(old, new):
            yield {"op": "replace", "path": place, "value": new}


def _edits(path: Path, old: Any, new: Any) -> Iterator[Edit]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from (Edit((*path, key), old=old[key]) for key in old if key not in new)
        for key, value in new.items():
            if key in old:
                yield from _edits((*path, key), old[key], value)
            else:
                yield Edit((*path, key), new=value)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_edits(path, old, new)
    elif not same(old, new):
        yield Edit(path, old, new)


def _list_edits(path: Path, old: list[Any], new: list[Any]) -> Iterator[Edit]:
    reached = 0
    for i, j in aligned(old, new):
        if i is None and j is not None:
            yield Edit((*path, reached), new=new[j])
            continue
        if i is not None:
            reached = i + 1
            yield from _edits((*path, i), old[i], new[j]) if j is not None else [Edit((*path, i), old=old[i])]


def _patched_list(tree: list[Any], below: dict[str | int, list[Edit]]) -> list[Any]:
    items: list[Any] = []
    for index in range(len(tree) + 1):
        inner = below.pop(index, [])
        items += [edit.new for edit in inner if not edit.path and edit.old is UNSET]
        inner = [edit for edit in inner if edit.path or edit.old is not UNSET]
        taken = any(not edit.path and edit.new is UNSET for edit in inner)
        if index < len(tree) and not taken:
            items.append(patched(tree[index], inner))
        elif inner and index == len(tree):
            raise LookupError(inner[0].path)
    if below:
        raise LookupError(next(iter(below)))
    return items
