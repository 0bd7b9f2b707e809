"""Reads hostile YAML safely, writes it in a stable style, edits it in place, and finds lines. The only YAML package.

Values are those the Kubernetes API server would see. Plain scalars follow the reader it uses (go.yaml.in/yaml/v2
behind sigs.k8s.io/yaml): `yes`, `on` and `y` are booleans, `0755` is octal, `1e3` is a number, `22:22` is text.
Timestamps stay text, and so does every key of a mapping.
"""

from __future__ import annotations

from meshdoctor.yamlio.line_index import Lines, line_of, steps_of
from meshdoctor.yamlio.list_text import EMPTY as EMPTY_LIST
from meshdoctor.yamlio.list_text import ListText, only, split_list
from meshdoctor.yamlio.reading import PartlyRead, load_documents, load_partly
from meshdoctor.yamlio.writing import dump

__all__ = [
    "EMPTY_LIST",
    "Lines",
    "ListText",
    "PartlyRead",
    "dump",
    "line_of",
    "load_documents",
    "load_partly",
    "only",
    "split_list",
    "steps_of",
]
