"""Redacts secrets in evidence before it is stored, and records what was redacted.

Promises: values of settings with a secret-looking name, passwords in URLs, private keys and tokens are never stored,
shown or exported; host names, ports and all other settings stay, so that the diagnosis stays the same.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from msgspec import Struct, field

from meshdoctor.semantics.kubernetes.api_objects import LAST_APPLIED
from meshdoctor.text.marks import REDACTED
from meshdoctor.text.redaction import clean_page, clean_text
from meshdoctor.text.secrets import holds_secret, is_secret_setting

_OPTION = re.compile(r"(-{1,2}(?:D(?=[a-z]))?)([A-Za-z][\w.-]*)=(.+)\Z", re.DOTALL)
_FLAG = re.compile(r"-{1,2}([A-Za-z][\w.-]*)\Z")
_MATCHED = frozenset(
    {"exact", "prefix", "suffix", "regex", "inline_string", "inlineString", "inlineBytes", "inline_bytes"}
)
"""Keys of the value, where a setting is an object: Istio's StringMatch, Envoy's DataSource."""
_OPAQUE = ("binaryData", "stringData")
_TEXTS = (".log", ".txt")
_SECTION = b"envoy.admin.v3.ClustersConfigDump"
"""Follows the bootstrap in a config dump. In the node metadata before it, names identify secrets."""


class Removed(Struct, frozen=True):
    """What was redacted in one document, and how often."""

    path: str
    what: str
    count: int


class Removals(Struct):
    """Everything that was redacted: secrets, and texts that no diagnosis reads."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Secrets by document and what they are."""
    texts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Other texts by document and what they are."""

    def add(self, path: str, what: str, count: int = 1) -> None:
        """Records that a secret, `what`, was redacted in the document at `path`."""
        self.counts[path, what] += count

    def add_text(self, path: str, what: str, count: int = 1) -> None:
        """Records that of another text, `what`, only the length was kept."""
        self.texts[path, what] += count

    def replace(self, path: str, removals: Removals) -> None:
        """Records what was redacted in one document, in place of what an earlier reading of it recorded."""
        for counts in (self.counts, self.texts):
            for known in [key for key in counts if key[0] == path]:
                del counts[known]
        self.merge(removals)

    def merge(self, removals: Removals) -> None:
        """Records what was redacted in other documents."""
        self.counts.update(removals.counts)
        self.texts.update(removals.texts)

    def listed(self) -> tuple[Removed, ...]:
        """Secrets by document, then by what."""
        return tuple(Removed(path, what, count) for (path, what), count in sorted(self.counts.items()))

    def other_texts(self) -> dict[str, int]:
        """Number of other texts by what they are."""
        found: Counter[str] = Counter()
        for (_, what), count in self.texts.items():
            found[what] += count
        return dict(sorted(found.items()))


def redact_page(path: str, content: bytes, removals: Removals) -> bytes:
    """An admin page (JSON or text) without secrets."""
    text = content.decode("utf-8", "surrogateescape")
    if path.endswith(_TEXTS):
        cleaned, found = clean_text(text)
    else:
        bootstrap = content.find(_SECTION)
        cleaned, found = clean_page(
            text, len(content[:bootstrap].decode("utf-8", "surrogateescape")) if bootstrap >= 0 else None
        )
    if not found:
        return content
    for what, count in found.items():
        removals.add(path, what, count)
    return cleaned.encode("utf-8", "surrogateescape")


def redact_object(path: str, body: dict[str, Any], removals: Removals) -> dict[str, Any]:
    """A Kubernetes object without secrets, and without managedFields and kubectl's last-applied annotation.

    Changes `body` and returns it.
    """
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(LAST_APPLIED, None)
    walk = _Redaction(path, removals)
    for name in (*_OPAQUE, "data") if body.get("kind") == "Secret" else _OPAQUE:
        if body.pop(name, None):
            removals.add(path, name)
    if body.get("kind") == "ConfigMap" and isinstance(body.get("data"), dict):
        walk.settings(body["data"], "key")
    walk.mapping(body)
    return body


class _Redaction:
    def __init__(self, path: str, removals: Removals) -> None:
        self.path = path
        self.removals = removals

    def mapping(self, value: dict[str, Any]) -> None:
        text = value.get("value")
        name = value.get("name", value.get("key"))
        if isinstance(name, str) and isinstance(text, str) and self._is_secret(name, text):
            value["value"] = self._redacted(f"env {name}" if "name" in value else f"header {name}")
        for key, member in value.items():
            if isinstance(member, dict):
                self.named(key, member)
                self.mapping(member)
            elif isinstance(member, list):
                self.sequence(member)
            elif isinstance(member, str) and member != REDACTED:
                secret = is_secret_setting(key, member)
                value[key] = self._redacted(f"field {key}") if secret else self.text(member)

    def named(self, name: str, value: dict[str, Any]) -> None:
        """Redacts the value of a setting that is one level below its name."""
        for key in _MATCHED & value.keys():
            text = value[key]
            if isinstance(text, str) and is_secret_setting(name, text):
                value[key] = self._redacted(f"field {name}")

    def sequence(self, values: list[Any]) -> None:
        flag = ""
        for index, member in enumerate(values):
            if isinstance(member, dict):
                self.mapping(member)
            elif isinstance(member, list):
                self.sequence(member)
            elif isinstance(member, str):
                values[index] = self._argument(flag, member)
                match = _FLAG.match(member)
                flag = match.group(1) if match else ""

    def settings(self, data: dict[str, Any], label: str) -> None:
        """Redacts the data of a ConfigMap: each key is a setting, or a file of settings."""
        for key, text in data.items():
            if not isinstance(text, str):
                continue
            if "\n" not in text.strip() and self._is_secret(key, text):
                data[key] = self._redacted(f"{label} {key}")

    def text(self, text: str) -> str:
        cleaned, found = clean_text(text)
        for what, count in found.items():
            self.removals.add(self.path, what, count)
        return cleaned

    def _argument(self, flag: str, text: str) -> str:
        match = _OPTION.match(text)
        if match and self._is_secret(match.group(2), match.group(3)):
            return f"{match.group(1)}{match.group(2)}={self._redacted('argument ' + match.group(2))}"
        if flag and not text.startswith("-") and self._is_secret(flag, text):
            return self._redacted(f"argument {flag}")
        return self.text(text)

    def _is_secret(self, name: str, value: str) -> bool:
        return REDACTED not in value and holds_secret(name, value)

    def _redacted(self, what: str) -> str:
        self.removals.add(self.path, what)
        return REDACTED
