"""Fields of facts for which a rule's page, which is read without a fact, has an example instead of their name."""

from __future__ import annotations

from typing import Annotated, get_type_hints

from msgspec import Meta

from meshdoctor.model.fact import Fact
from meshdoctor.text.shell import ShellCommand

Sentence = Annotated[str, Meta(examples=[""])]
"""A sentence about this mesh; a page leaves it out."""
ObjectPlace = Annotated[str, Meta(examples=["NAMESPACE/NAME"])]
ObjectNames = Annotated[str, Meta(examples=["KIND NAMESPACE/NAME"])]
ProtocolName = Annotated[str, Meta(examples=["PROTOCOL"])]
Restart = Annotated[ShellCommand, Meta(examples=["kubectl rollout restart KIND/NAME -n NAMESPACE"])]
CreateSecret = Annotated[
    ShellCommand,
    Meta(examples=["kubectl create secret generic NAME-credentials -n NAMESPACE --from-file=VARIABLE=/dev/stdin"]),
]
UseSecret = Annotated[ShellCommand, Meta(examples=["kubectl edit KIND/NAME -n NAMESPACE # secretKeyRef for VARIABLE"])]
NO_COMMAND = ShellCommand("")


def example_of(kind: type[Fact], field: str) -> str | None:
    """What stands for the field on a page; None: its name."""
    hint = get_type_hints(kind, include_extras=True).get(field)
    return next((one.examples[0] for one in getattr(hint, "__metadata__", ()) if one.examples), None)
