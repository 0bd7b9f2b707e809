"""How a List shows whether it is whole, and what stands in its place where the API server gave none.

kubectl prints keys in alphabetical order, so that `kind: List` comes after the items and is missing in a file that was
cut short. The API server sets `metadata.continue` where there are more items (apimachinery, ListMeta), and answers a
request that it refuses with a Status (apimachinery, meta/v1/types.go).
"""

from __future__ import annotations

from typing import Any

from meshdoctor.text.printable import printable

_MOST = 300
"""Characters of a message of the API server."""


def refusal(tree: Any) -> str:
    """What a Status says, `403 Forbidden: ...`; empty for anything else."""
    if not isinstance(tree, dict) or tree.get("kind") != "Status":
        return ""
    code, reason, message = (tree.get(key) for key in ("code", "reason", "message"))
    what = " ".join(str(part) for part in (code, reason) if part) or "no code"
    said = printable(f"{what}: {message}" if message else what)[:_MOST]
    return f"is not a List but a Status, {said}: the API server gave no objects"


def is_list(tree: dict[str, Any]) -> bool:
    """Whether an object is a List of objects; one that was cut short may lack its kind."""
    kind = tree.get("kind")
    return kind.endswith("List") if isinstance(kind, str) else "items" in tree


def incomplete(tree: dict[str, Any], text: bytes) -> tuple[list[str], int]:
    """Why a List is not whole, and how many of its items can be used: the one at a cut cannot.

    `text` is the document, empty where it says nothing.
    """
    items = tree.get("items")
    count = len(items) if isinstance(items, list) else 0
    reasons: list[str] = []
    metadata = tree.get("metadata")
    if isinstance(metadata, dict) and (metadata.get("continue") or metadata.get("remainingItemCount")):
        left = metadata.get("remainingItemCount")
        rest = f"{left} more" if isinstance(left, int) else "more"
        reasons.append(f"is the first part of a List, of which the API server had {rest} (metadata.continue)")
    if text.lstrip()[:1] in (b"", b"{", b"["):
        return reasons, count
    is_last = next(reversed(tree)) == "items"
    if not tree.get("kind"):
        reasons.append(f"is cut short: `kind: List` is missing after {_last(items)}")
        return reasons, max(0, count - is_last)
    if is_last and count and not text.endswith(b"\n"):
        reasons.append(f"may be cut short: it has no line break at its end, after {_last(items)}")
    return reasons, count


def _last(items: Any) -> str:
    """The last of these objects, by name where it has one."""
    last = items[-1] if isinstance(items, list) and items else None
    metadata = last.get("metadata") if isinstance(last, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str):
        return "the last item"
    namespace = metadata.get("namespace")
    return printable(f"{namespace}/{name}" if isinstance(namespace, str) else name)
