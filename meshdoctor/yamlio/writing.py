"""Writes plain values as YAML in one style."""

from __future__ import annotations

from typing import Any

import yaml

from meshdoctor.yamlio.scalars import CORE, plain


def dump(value: Any) -> str:
    """`value` as block-style YAML: keys in their order, text of several lines as a `|` block, no aliases.

    `load_documents(dump(value))` is `[value]` for every JSON value, and the API server reads it the same way: text that
    looks like a number or a boolean is quoted.
    """
    text: str = yaml.dump(
        value, Dumper=_STYLED, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1_000_000
    )
    return text.removesuffix("...\n")


def _represent_text(dumper: Any, text: str) -> Any:
    style = None
    if "\n" in text and all(line.isprintable() for line in text.split("\n")):
        style = "|"
    elif not isinstance(plain(text), str):
        style = "'"
    return dumper.represent_scalar(CORE + "str", text, style=style)


_STYLED: Any = type(
    "_Styled", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {"ignore_aliases": lambda self, data: True}
)
_STYLED.add_representer(str, _represent_text)
