"""The lab's own certificate authority: for the API server, the kubelet, the workloads and the outside hosts."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.lab.processes import run


class Pair(Struct, frozen=True):
    """A certificate chain (leaf and authority) and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; each name's is made once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"
        self._made: dict[str, Pair] = {}
        command = ["openssl", "req", "-x509", *_NEW_KEY, "-days", "30", "-subj", "/CN=lab"]
        run(*command, "-keyout", self._key, "-out", self.certificate)

    def issue(self, name: str, *alternatives: str) -> Pair:
        """A certificate with these subjectAltNames, `DNS:...`, `IP:...` or `URI:...`."""
        if name not in self._made:
            pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
            names = ",".join(alternatives)
            command = ["openssl", "req", "-x509", *_NEW_KEY, "-days", "30", "-subj", "/O=lab"]
            command += ["-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE"]
            signed = ("-CA", str(self.certificate), "-CAkey", str(self._key))
            run(*command, *signed, "-keyout", pair.key, "-out", pair.certificate)
            with pair.certificate.open("ab") as chain:
                chain.write(self.certificate.read_bytes())
            self._made[name] = pair
        return self._made[name]


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class TokenKey:
    """The key by which the API server signs tokens of service accounts: here one can sign an expired one."""

    def __init__(self, folder: Path) -> None:
        self.private = folder / "service-accounts.key"
        self.public = folder / "service-accounts.pub"
        run("openssl", "genrsa", "-out", self.private, "2048")
        run("openssl", "rsa", "-in", self.private, "-pubout", "-out", self.public)

    def expired(self, issuer: str, namespace: str, name: str, uid: str) -> str:
        """A token of this account that was good until an hour ago."""
        now = int(time.time())
        claims = {
            "iss": issuer,
            "aud": [issuer],
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "iat": now - 7200,
            "nbf": now - 7200,
            "exp": now - 3600,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        }
        signed = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.private)]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
        return f"{signed}.{_base64(signature)}"


def _encoded(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
