"""Names of Envoy's fields: its own are snake_case, those that Go tools print of its protobufs camelCase."""

from __future__ import annotations

import re
from functools import lru_cache

_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")


@lru_cache(maxsize=4096)
def snake_case_name(name: str) -> str:
    """The field's name as Envoy spells it. Names that are no identifiers (`@type`, filter names) stay."""
    return _UPPER.sub(lambda m: "_" + m.group(1).lower(), name) if name.isidentifier() and not name.isupper() else name
