"""Which hosts and ports the settings of an application name, read together as clients read them.

A URL, a `host:port`, and a host with a port beside it (`PREFIX_HOST`, `PREFIX_PORT`) name both; a host alone names no
port. Settings inside one value (`host=db.x port=5432`, JSON) are followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from meshdoctor.semantics.clients import setting_names
from meshdoctor.semantics.clients.addresses_in_text import NamedHost, port_number, targets_in
from meshdoctor.text.marks import without_marks
from meshdoctor.text.secrets import is_secret_name
from meshdoctor.text.word_sets import words

_OPTION = re.compile(r"(?:--?D?)?([A-Za-z][\w.-]*)=(.*)\Z", re.DOTALL)
_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)\Z")
_WORD_BREAK = re.compile(r"[\s\"'`()<>|&]+")


class Setting(Struct, frozen=True):
    """One name and value. `origin` is its place in the list that it came from: the variable, or the argument."""

    name: str
    value: str
    origin: int = 0


class NamedBy(Struct, frozen=True):
    """A host that a setting names, and the setting that gave its port where another one did."""

    setting: Setting
    target: NamedHost
    port_from: Setting | None = None


def settings_in_arguments(arguments: Sequence[str]) -> Iterator[Setting]:
    """`--name=value`, `-Dname=value`, `--name value`, and values by themselves; a script gives all its words."""
    for index, argument in enumerate(arguments):
        option = _OPTION.match(argument)
        flag = _FLAG.match(arguments[index - 1]) if index else None
        if option and not re.search(r"\s-", argument):
            yield Setting(option.group(1), option.group(2), index)
        elif re.search(r"\s", argument):
            for word in _WORD_BREAK.split(argument):
                option = _OPTION.match(word)
                name, value = (option.group(1), option.group(2)) if option else ("", word)
                yield Setting(name, value, index)
        elif not argument.startswith("-"):
            yield Setting(flag.group(1) if flag else "", argument, index)


def named_hosts(group: Sequence[Setting], depth: int = 2) -> Iterator[NamedBy]:
    """The hosts that settings name which belong together, so that one may hold the port of another's host.

    `depth` limits how far settings inside a value are followed.
    """
    ports: dict[tuple[str, ...], tuple[int, Setting]] = {}
    for setting in group:
        number = port_number(setting.value)
        if number is not None:
            ports.setdefault(words(setting.name), (number, setting))
    for setting in group:
        # A password may look like host:port and would be printed as a host.
        if setting_names.is_own_address(setting.name) or (is_secret_name(setting.name) and "://" not in setting.value):
            continue
        for inner in _inner_groups(setting) if depth else ():
            yield from named_hosts(inner, depth - 1)
        hosts = targets_in(
            setting.value,
            names_host=setting_names.names_a_host(setting.name),
            bare_name=setting_names.allows_bare_name(setting.name),
        )
        for target in hosts:
            yield _with_port(setting, target, ports)


def _with_port(setting: Setting, target: NamedHost, ports: dict[tuple[str, ...], tuple[int, Setting]]) -> NamedBy:
    """The target, with the port of the setting beside it where it has none."""
    if not target.port_written and target.scheme != "mongodb+srv":
        partner = next((ports[n] for n in setting_names.port_names(setting.name) if n in ports), None)
        if partner:
            return NamedBy(setting, structs.replace(target, port=partner[0], port_written=True), partner[1])
    return NamedBy(setting, target)


def _inner_groups(setting: Setting) -> Iterator[list[Setting]]:
    """Settings inside one value, grouped as they belong together.

    `host=db.x port=5432`, `Server=db.x;Port=1433`, `-Ddb.host=db.x -Ddb.port=1521`, and the objects of a JSON text.
    """
    text = without_marks(setting.value).strip()

    def made(members: Iterable[tuple[str, str]]) -> list[Setting]:
        return [Setting(name, value, setting.origin) for name, value in members]

    if text.startswith("{"):
        yield from map(made, _json_objects(text))
    elif "=" in text and "\n" not in text:
        parts = text.split(";") if ";" in text and "://" not in text else text.split()
        found = (match for part in parts if "://" not in part and (match := _OPTION.match(part.strip())))
        yield made((match.group(1), match.group(2)) for match in found)


def _json_objects(text: str) -> Iterator[list[tuple[str, str]]]:
    """Members with a text or number value of every object in a JSON text; URLs are left out, because they are found
    separately."""
    try:
        pending: list[Any] = [msgspec.json.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return
    while pending:
        value = pending.pop()
        children = value.values() if isinstance(value, dict) else value
        pending += [child for child in children if isinstance(child, dict | list)]
        if isinstance(value, dict):
            yield [
                (name, str(member))
                for name, member in value.items()
                if isinstance(member, str | int) and "://" not in str(member)
            ]
