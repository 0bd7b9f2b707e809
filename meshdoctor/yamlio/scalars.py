"""Values of plain scalars, and the tags that are accepted."""

from __future__ import annotations

import re
from typing import Any

NOT_TEXT = re.compile(r"[-+.0-9~tTfFnNyYoO]")
"""First characters of plain scalars that may be something other than text."""
_INTEGER = re.compile(r"[-+]?(0b[01][01_]*|0o?[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[1-9][0-9_]*|0)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, Any] = {
    "": None,
    "~": None,
    **{spelling: None for spelling in ("null", "Null", "NULL")},
    **{spelling: True for word in ("true", "yes", "on", "y") for spelling in (word, word.title(), word.upper())},
    **{spelling: False for word in ("false", "no", "off", "n") for spelling in (word, word.title(), word.upper())},
    ".nan": float("nan"),
    **{sign + ".inf": float(sign + "inf") for sign in ("", "+", "-")},
}

CORE = "tag:yaml.org,2002:"
TEXT_TAGS = {"!", CORE + "str", CORE + "timestamp", CORE + "binary"}
PLAIN_TAGS = {CORE + name for name in ("int", "float", "bool", "null")}
TREE_TAGS = {None, "!", CORE + "map", CORE + "seq"}


def plain(text: str) -> Any:
    """The value of a plain scalar, as go.yaml.in/yaml/v2 resolves it (resolve.go)."""
    constant = text.lower() if text[-4:].lower() in (".inf", ".nan") else text
    if constant in _CONSTANTS:
        return _CONSTANTS[constant]
    digits = text.replace("_", "")
    if len(text) <= 40 and _INTEGER.match(text):
        is_octal = re.match(r"[-+]?0[0-7]", digits)
        return int(digits, 8 if is_octal else 0)
    return float(digits) if _FLOAT.match(digits) else text
