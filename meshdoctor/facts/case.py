"""What is diagnosed: one capture and the mesh that is read from it."""

from __future__ import annotations

from functools import cached_property

from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture
from meshdoctor.model.mesh import Mesh


class Case:
    """One capture and the mesh in it. `interrupted`: Ctrl-C ended the reading, and what is missing is named in it."""

    def __init__(self, capture: Capture, *, interrupted: bool = False) -> None:
        self.capture = capture
        self.interrupted = interrupted

    @cached_property
    def mesh(self) -> Mesh:
        """The mesh; read on first use."""
        return read_mesh(self.capture)
