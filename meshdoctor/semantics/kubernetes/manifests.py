"""Parts of manifests, which are kept as written."""

from __future__ import annotations

from typing import Any


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects of a list; what is no object, or no list, is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []
