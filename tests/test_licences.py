"""Licences of what requirements/ pins, as the installed packages declare them."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest
from packaging.licenses import canonicalize_license_expression

from tests.test_lock import pins

FREE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0"}
"""They ask for a notice, and nothing of who uses or ships meshdoctor."""
EXCEPTIONS = {
    ("run", "certifi"): ("MPL-2.0", "a list of certificates, used unchanged; the licence ends at its file"),
    ("dev", "certifi"): ("MPL-2.0", "as in run"),
    ("dev", "hypothesis"): ("MPL-2.0", "runs the tests, and is not shipped"),
    ("dev", "orjson"): ("MPL-2.0", "the yardstick of benchmarks, and is not shipped"),
    ("dev", "pathspec"): ("MPL-2.0", "mypy and hatchling use it unchanged; it is not shipped"),
    ("dev", "pyte"): ("LGPL-3.0-only", "a terminal for tests, and is not shipped"),
    ("build", "pathspec"): ("MPL-2.0", "hatchling uses it unchanged; it is not shipped"),
}
"""Licences beyond these, and why they do no harm."""
SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages write that do not use SPDX; `BSD License` is the classifier of either BSD licence."""


def declared(name: str) -> str:
    """The licence as an SPDX expression: the field made for it, else the older one, else the classifiers."""
    data = metadata(name).json
    named = [one.rpartition("::")[2].strip() for one in data.get("classifier", ()) if one.startswith("License")]
    said = data.get("license_expression") or data.get("license") or " AND ".join(SPDX.get(one, one) for one in named)
    assert isinstance(said, str)
    return str(canonicalize_license_expression(SPDX.get(said.strip(), said)))


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether the expression can be met with these licences alone."""
    words = {"AND": "and", "OR": "or", "(": "(", ")": ")"}
    tokens = re.findall(r"[()]|[\w.+-]+", expression)
    return bool(eval(" ".join(words.get(token, str(token in allowed)) for token in tokens), {"__builtins__": {}}))


def installed(file: str) -> list[tuple[str, str]]:
    found = []
    for pin in pins(file):
        try:
            found.append((pin.name, declared(pin.name)))
        except PackageNotFoundError:
            is_for_here = pin.marker is None or pin.marker.evaluate()
            assert not is_for_here, f"{pin.name} is pinned and not installed"
    return found


@pytest.mark.parametrize("file", ["run", "build", "dev"])
def test_every_licence_is_known_to_do_no_harm(file: str) -> None:
    found = installed(file)
    assert len(found) >= 5
    refused = []
    for name, expression in found:
        beyond = EXCEPTIONS.get((file, name))
        if not is_allowed(expression, FREE | ({beyond[0]} if beyond else set())):
            refused.append(f"{name}: {expression}")
    assert refused == [], "replace it, or add it to EXCEPTIONS with the reason"


def test_every_exception_is_needed() -> None:
    needed = {
        (file, name) for file in ("run", "build", "dev") for name, one in installed(file) if not is_allowed(one, FREE)
    }
    assert needed == set(EXCEPTIONS)


@pytest.mark.parametrize(
    ("expression", "is_free"),
    [("MIT", True), ("GPL-3.0-only", False), ("MIT OR GPL-2.0-only", True), ("MIT AND GPL-2.0-only", False),
     ("MPL-2.0 AND (Apache-2.0 OR MIT)", False), ("(GPL-2.0-only OR MIT) AND ISC", True)],
)  # fmt: skip
def test_an_expression_is_met_or_not(expression: str, is_free: bool) -> None:
    assert is_allowed(expression, FREE) is is_free
