"""Kubernetes objects with only the texts that `object_fields` names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.semantics.clients.setting_names import is_application_annotation
from meshdoctor.semantics.istio.capture_settings import CAPTURE_VARIABLES, ISTIO_CONTAINERS
from meshdoctor.semantics.kubernetes.api_objects import LAST_APPLIED
from meshdoctor.sources.kept.fields import Kept, TextOf
from meshdoctor.sources.kept.object_fields import ANY_OBJECT, MESH_CONFIG, OBJECTS
from meshdoctor.sources.kept.texts import (
    kept_arguments,
    kept_name,
    kept_setting,
    kept_value,
    looks_like_token,
    what_is_read,
)
from meshdoctor.sources.redact import Removals
from meshdoctor.text.marks import REDACTED, shape
from meshdoctor.text.secrets import holds_secret

_REFERENCE = re.compile(r"\$\(([\w.-]{1,253})\)")
_CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_LINE = ("command", "args")
_MANAGED = "managedFields"
_MESH = "mesh"


def kept_object(path: str, body: dict[str, Any], removals: Removals) -> dict[str, Any]:
    """What is kept of an object of the document at `path`; `body` is left as it is.

    Without managedFields, kubectl's last-applied annotation and binary data.
    """
    walk = _KeptObject(path, removals)
    kind = str(body.get("kind"))
    made: dict[str, Any] = {}
    for name, value in body.items():
        if name in ("binaryData", "stringData") or (name == "data" and kind != "ConfigMap"):
            removals.add(path, name)
        elif name == "data" and isinstance(value, dict):
            made[name] = walk.config_map(value, body.get("metadata"))
        else:
            made[name] = walk.value(value, OBJECTS.get(kind, ANY_OBJECT).of(name), name)
    return made


class _KeptObject(Struct):
    path: str
    removals: Removals

    def value(self, value: Any, kept: Kept, name: str) -> Any:
        if isinstance(value, str):
            return self._noted(value, kept_value(value, kept.text), f"field {name}")
        if isinstance(value, list):
            if name in _CONTAINER_LISTS:
                return [self._container(one, kept) if isinstance(one, dict) else one for one in value]
            return [self.value(one, kept, name) for one in value]
        if isinstance(value, dict):
            if name == "annotations":
                return {key: self._annotation(str(key), v, kept) for key, v in value.items() if key != LAST_APPLIED}
            return {
                key: self.value(one, kept.of(str(key)), str(key))
                for key, one in value.items()
                if key != "managedFields"
            }
        return value

    def _annotation(self, key: str, value: Any, kept: Kept) -> Any:
        if not isinstance(value, str):
            return value
        if key in kept.fields:
            own = kept.fields[key]
            made = self._settings_text(value, own) if own.fields else kept_value(value, own.text)
        elif is_application_annotation(key):
            made = kept_setting(key.rpartition("/")[2], value)
        else:
            made = kept_value(value, TextOf.NOTHING)
        return self._noted(value, made, "annotation")

    def config_map(self, data: dict[str, Any], metadata: Any) -> dict[str, Any]:
        """The data of a ConfigMap: of each key the hosts that it names, of Istio's own the mesh settings."""
        name = str(metadata.get("name")) if isinstance(metadata, dict) else ""
        is_istio = name == "istio" or name.startswith("istio-")
        made: dict[str, Any] = {}
        for key, value in data.items():
            if not isinstance(value, str):
                made[key] = value
                continue
            is_mesh = is_istio and key == _MESH
            kept = self._settings_text(value, MESH_CONFIG) if is_mesh else kept_setting(key, value)
            made[key] = self._noted(value, kept, "ConfigMap value")
        return made

    def _settings_text(self, text: str, kept: Kept) -> str:
        """A text that is YAML; a mark where it is none."""
        try:
            documents = yamlio.load_documents(text.encode(), self.path)
        except Unreadable:
            return shape(text)
        if len(documents) != 1 or not isinstance(documents[0], dict):
            return shape(text)
        made = self.value(documents[0], kept, "")
        return text if made == documents[0] and "#" not in text else yamlio.dump(made)

    def _container(self, given: Mapping[str, Any], kept: Kept) -> dict[str, Any]:
        lines = [name for name in _LINE if isinstance(given.get(name), list)]
        words = [one for name in lines for one in given[name] if isinstance(one, str)]
        is_istio = given.get("name") in ISTIO_CONTAINERS
        kept_words = [kept_name(word) for word in words] if is_istio else kept_arguments(words)
        variables = _variables(given.get("env"))
        kept_variables = {
            name: kept_name(value) if is_istio and name in CAPTURE_VARIABLES else kept_setting(name, value)
            for name, value in variables.items()
        }
        texts = [(name, value, kept_variables[name]) for name, value in variables.items()]
        texts += [("", *pair) for pair in zip(words, kept_words, strict=True)]
        for name in _needed(texts, variables, kept_variables):
            kept_variables[name] = kept_name(variables[name])
        left = iter(zip(words, kept_words, strict=True))
        line = {
            name: [self._noted(*next(left), "argument") if isinstance(word, str) else word for word in given[name]]
            for name in lines
        }
        made: dict[str, Any] = {}
        for name, value in given.items():
            if name in line:
                made[name] = line[name]
            elif name == "env" and isinstance(value, list):
                made[name] = [self._variable(one, kept.of("env"), variables, kept_variables) for one in value]
            else:
                made[name] = self.value(value, kept.of(name), name)
        return made

    def _variable(self, given: Any, kept: Kept, values: Mapping[str, str], kept_values: Mapping[str, str]) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("value"), str):
            return self.value(given, kept, "env")
        name, value = str(given.get("name")), given["value"]
        made = self.value({key: one for key, one in given.items() if key != "value"}, kept, "env")
        text = kept_values[name] if values[name] == value else kept_setting(name, value)
        return {**made, "value": self._noted(value, text, "env value", secret=f"env {name}")}

    def _noted(self, text: str, made: str, what: str, secret: str = "") -> str:
        if made != text:
            if made.count(REDACTED) > text.count(REDACTED):
                self.removals.add(self.path, secret or f"secret in {what}")
            else:
                self.removals.add_text(self.path, what)
        return made


def _variables(env: Any) -> dict[str, str]:
    """The literal values of an environment by name; of two of one name the last."""
    listed = [one for one in env if isinstance(one, dict)] if isinstance(env, list) else []
    return {str(one.get("name")): one["value"] for one in listed if isinstance(one.get("value"), str)}


def _needed(texts: Iterable[tuple[str, str, str]], values: Mapping[str, str], kept: Mapping[str, str]) -> Iterator[str]:
    """Variables without which a text that refers to them, `https://$(HOST)$(BASE)`, would name another host or path.

    `texts`: the name of each setting, its text, and what is kept of it. One that looks like a secret is never needed.
    """
    for name, text, kept_text in texts:
        referred = [one for one in dict.fromkeys(_REFERENCE.findall(text)) if one in values]
        if referred:
            expected = _hosts(name, _expanded(text, values))
            plain = {
                n: values[n] for n in referred if not holds_secret(n, values[n]) and not looks_like_token(values[n])
            }
            if _hosts(name, _expanded(kept_text, kept)) == expected:
                continue
            if _hosts(name, _expanded(kept_text, {**kept, **plain})) == expected:
                yield from _fewest(name, kept_text, kept, plain, expected)


def _fewest(name: str, text: str, kept: Mapping[str, str], plain: Mapping[str, str], expected: list[Any]) -> list[str]:
    """The variables of `plain` that cannot stay marks where the hosts are to be the `expected` ones."""
    needed = dict(plain)
    for one in plain:
        rest = {other: value for other, value in needed.items() if other != one}
        if _hosts(name, _expanded(text, {**kept, **rest})) == expected:
            needed = rest
    return list(needed)


def _hosts(name: str, text: str) -> list[Any]:
    """The hosts and ports that a setting names, whatever the paths: a password may be part of one."""
    return [[(host.host, host.port, host.scheme) for host, _ in read] for read in what_is_read(name, text)[0]]


def _expanded(text: str, values: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: values.get(found[1], found[0]), text)
