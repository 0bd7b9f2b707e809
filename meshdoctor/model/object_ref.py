"""The name of an object."""

from __future__ import annotations

from msgspec import Struct


class ObjectRef(Struct, frozen=True, order=True):
    """Names one object of a cluster."""

    kind: str
    namespace: str
    name: str
    role: str = ""
    """The part it plays in a finding: `active`, `shadowed`, `owner`, `hidden`, `cause` ..."""
    api_version: str = ""
    """The version it is written in, `networking.istio.io/v1`, where it is to be written."""

    @property
    def place(self) -> str:
        """`namespace/name`; the name alone of what lives in no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def group(self) -> str:
        """The API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"
