"""CEL expressions, compiled and evaluated in this process. The only module that imports cel."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

LONGEST = 4000
"""Characters of an expression. The parser's time and depth of recursion grow with them."""


class BadCondition(Exception):
    """An expression that cannot be used; the text says why."""


class NotComputed(Exception):
    """An expression that cannot be evaluated; the text is the first line of the reason."""


@cache
def compile_program(text: str) -> Any:
    """Compile an expression, once per text. Raises `BadCondition` for what is no CEL, or too long."""
    if len(text) > LONGEST:
        raise BadCondition(f"`{text[:60]}...` has {len(text)} characters; {LONGEST} are the most a condition may have")
    # The package's __init__ imports its own command line (typer, prompt_toolkit, rich: 200 ms). The evaluator alone
    # takes 20 ms, so an empty module replaces it during the import.
    stub = "cel" not in sys.modules and "cel.cli" not in sys.modules
    if stub:
        sys.modules["cel.cli"] = ModuleType("cel.cli")
    import cel

    if stub:
        del sys.modules["cel.cli"]
    try:
        return cel.compile(text)
    except Exception as error:  # ValueError today, but the binding does not document it
        raise BadCondition(f"`{text}` is not valid CEL: {_first_line(error).partition('ERROR: <input>:')[2]}") from None


def evaluate(text: str, fact: dict[str, Any]) -> Any:
    """The value of an expression about the fields of a fact. Raises `NotComputed`, and `BadCondition` as above."""
    program = compile_program(text)
    try:
        return program.execute({"fact": fact})
    except Exception as error:  # cel passes on whatever the operator raised: TypeError, IndexError, KeyError ...
        raise NotComputed(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
