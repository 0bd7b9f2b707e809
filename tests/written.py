"""Trees as people write them: the same value in every layout YAML and JSON allow, with comments anywhere."""

from __future__ import annotations

import json
import random
from typing import Any

from meshdoctor.yamlio.scalars import plain


class Hand:
    """One person's habits, drawn from a seed; the comments carry numbers, so that none can be lost unseen."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.step = self.dice.choice([2, 2, 2, 3, 4])
        self.dash = self.dice.choice([0, 0, 2, 1])
        self.gap = self.dice.choice(["- ", "- ", "- ", "-   "])
        self.comments = self.dice.choice([0.0, 0.15, 0.4])
        self.flow = self.dice.choice([0.0, 0.2, 0.5])
        self.quote = self.dice.choice(["", "", "'", '"'])
        self.count = 0

    def document(self, value: Any) -> str:
        """The value, its last line ended."""
        return "".join(f"{line}\n" for line in self.block(value, 0))

    def block(self, value: Any, at: int) -> list[str]:
        lines: list[str] = []
        if isinstance(value, dict):
            for key, inner in value.items():
                lines += [*self.aside(at), *self.behind(f"{' ' * at}{self.text(key)}:", inner, at, is_list=False)]
            return lines
        for inner in value:
            lines += [*self.aside(at), *self.behind(" " * at + "-", inner, at, is_list=True)]
        return lines

    def behind(self, start: str, value: Any, at: int, *, is_list: bool) -> list[str]:
        if isinstance(value, dict | list) and value and self.dice.random() >= self.flow:
            if not is_list:
                return [
                    start + self.note(),
                    *self.block(value, at + (self.dash if isinstance(value, list) else self.step)),
                ]
            body = self.block(value, at + len(self.gap))
            own = next(index for index, line in enumerate(body) if not line.lstrip().startswith("#"))
            if own:
                return [start + self.note(), *body]
            return [start + self.gap[1:] + body[0].lstrip(), *body[1:]]
        if isinstance(value, str) and "\n" in value.strip() and value[:1].isalpha() and printable(value):
            chomp = "-" if not value.endswith("\n") else "+" if value.endswith("\n\n") else ""
            return [f"{start} |{chomp}", *(" " * (at + 4) + line for line in value.removesuffix("\n").split("\n"))]
        if value is None and self.dice.random() < 0.5:
            return [start + self.note()]
        return [start + (self.gap[1:] if is_list else " ") + self.inline(value) + self.note()]

    def inline(self, value: Any) -> str:
        if isinstance(value, dict):
            pad = self.dice.choice(["", " "]) if value else ""
            return "{" + pad + ", ".join(f"{self.text(k)}: {self.inline(v)}" for k, v in value.items()) + pad + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.inline, value)) + self.dice.choice(["", ","] if value else [""]) + "]"
        return self.text(value) if isinstance(value, str) else json.dumps(value)

    def text(self, value: str) -> str:
        is_plain = value.isalnum() and value.isascii() and isinstance(plain(value), str)
        if self.quote == "'" and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return value if is_plain and not self.quote else quoted(value)

    def aside(self, at: int) -> list[str]:
        if self.dice.random() >= self.comments:
            return []
        self.count += 1
        return [*self.dice.choice([[], [""]]), f"{' ' * at}# - note: {self.count}"]

    def note(self) -> str:
        if self.dice.random() >= self.comments:
            return ""
        self.count += 1
        return f"  # remark {self.count}"


def printable(text: str) -> bool:
    return text.isascii() and all(line.isprintable() for line in text.split("\n"))


def quoted(text: str) -> str:
    """Between double quotes as YAML reads them: its escapes of eight digits where JSON has two of four."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'
