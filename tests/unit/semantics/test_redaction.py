"""Which texts are secret, which only speak of one, and that a hostile text costs no more than its length."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.text.marks import REDACTED
from meshdoctor.text.redaction import clean_page, clean_text
from meshdoctor.text.secrets import holds_secret, is_secret_setting

SECRET = "Tr0ub4dor-3"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\nMIIEow{SECRET}IBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJUcjB1YjRkb3IifQ.Tr0ub4dorsignature"


@pytest.mark.parametrize(
    "text",
    [
        f"db.host=db.example.com\ndb.password={SECRET}\n",
        f"db.host=x\r\nspring.datasource.password: {SECRET}\r\nuser: a\r\n",
        f"db:\n  password: {SECRET}\n",
        f"users:\n- password: {SECRET}\n- token: '{SECRET}' # why\n",
        f"password: |\n  {SECRET}\nuser: x\n",
        f'{{"db": {{"password": "{SECRET}", "host": "x"}}, "apiKey":"{SECRET}"}}',
        f'{{\n  "a": {{"clientSecret" : "{SECRET}"}},\n  "token": "{SECRET}"\n}}',
        f'"{{\\"password\\":\\"{SECRET}\\"}}"',
        f'[db]\npassword = "{SECRET}"\n',
        f"db: {{password: {SECRET}, host: x}}\nb: c\n",
        f"<db>\n<password>{SECRET}</password>\n</db>",
        f"export DB_PASSWORD={SECRET}; run",
        f"run --db-password {SECRET} --host x",
        f"Server=db;User Id=a;Password={SECRET};",
        f"Endpoint=sb://x/;SharedAccessKey={SECRET}",
        f"jdbc:mysql://db/x?user=a&password={SECRET}",
        f"postgres://user:{SECRET}@db.example.com:5432/x",
        f"redis://:{SECRET}@cache:6379/0",
        f"user:{SECRET}@tcp(db:3306)/x",
        f"Authorization: Bearer {SECRET}",
        f"curl -H 'X: Basic {SECRET}'",
        PEM,
        PEM.replace("\n", "\\n"),
        PEM.split("-----END")[0],
        JWT,
        "AKIAIOSFODNN7EXAMPLE",
        "remote ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ],
)
def test_a_secret_in_a_text_is_gone_and_a_second_pass_finds_none(text: str) -> None:
    cleaned, found = clean_text(text)
    assert SECRET not in cleaned
    assert REDACTED in cleaned
    assert "Tr0ub4dorsignature" not in cleaned
    assert not {"AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijABCDEFGHIJ012345"} & set(cleaned.split())
    assert found.total() == cleaned.count(REDACTED)
    assert clean_text(cleaned) == (cleaned, Counter())


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        (f"password={SECRET}\nhost=db.example.com\n", "host=db.example.com"),
        (f'{{"password": "{SECRET}", "host": "db.example.com"}}', '"host": "db.example.com"}'),
        (f"mysql://u:{SECRET}@db.example.com:3306/x", "@db.example.com:3306/x"),
        (f"password={SECRET} host=db.example.com", " host=db.example.com"),
        (f"export TOKEN={SECRET}; curl https://api.example.com", "; curl https://api.example.com"),
        (f"a:\n  password: |\n    {SECRET}\n    more\n  host: x\n", "\n  host: x\n"),
        (f"password: '{SECRET}' # the old one\n", "' # the old one\n"),
    ],
)
def test_what_stands_beside_a_secret_stays(text: str, stays: str) -> None:
    assert clean_text(text)[0].endswith(stays) or stays in clean_text(text)[0]
    assert SECRET not in clean_text(text)[0]


HARMLESS = [
    "PARTITION_KEY=customer",
    "sort_key: name\nrouting-key: orders\n",
    "TOKEN_URL=https://auth.example.com/token",
    "TOKEN_SERVER=auth.example.com",
    "KEYCLOAK_HOST=keycloak.example.com",
    "secretName: my-cert",
    "password-file=/run/secrets/db",
    "PASSWORD_FILE: /run/secrets/db",
    "password: $(DB_PASSWORD)",
    "password: ${DB_PASSWORD}",
    "password: {{ .Values.password }}",
    "DB_PASSWORD=$(cat /run/secrets/db)",
    "mysql://user:$(DB_PASSWORD)@db/x",
    "mysql://db.example.com:3306/users/@me",
    "image: registry.example.com/vault-token:1.2.3",
    "authenticate: true\npassword: true\nrequire_token=false",
    "token=vault:secret/data/db#password",
    "PASSWORD_MIN_LENGTH=12",
    "key: app",
    "a: Basic usage",
    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
    "passwordless: yes",
    "tokens are rotated, passwords are not",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_a_secret_stays_byte_for_byte(text: str) -> None:
    assert clean_text(text) == (text, Counter())


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "API_KEY", "JWT_SECRET", "AWS_SECRET_ACCESS_KEY", "dbPassword",
     "x-api-key", "Authorization", "cookie", "ENCRYPTION_KEY", "client-secret"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_setting(name, "x1")
    assert not is_secret_setting(name, REDACTED)


@pytest.mark.parametrize(
    "name",
    ["PARTITION_KEY", "TOKEN_URL", "TOKEN_SERVER", "KEYCLOAK_HOST", "SECRET_NAME", "secretName", "KEY", "PWD", "OLDPWD",
     "PASSWORD_FILE", "TOKEN_TTL", "KEYBOARD", "MONKEY", "PUBLIC_KEY", "SORT_KEY", "PASSAGE", "COMPASS"],
)  # fmt: skip
def test_names_of_no_secret(name: str) -> None:
    assert not holds_secret(name, "x1")


def test_a_key_that_nobody_can_tell_is_passed_on_by_nobody() -> None:
    assert holds_secret("STRIPE_KEY", "x1")
    assert not is_secret_setting("STRIPE_KEY", "x1")


WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
PIECE = st.one_of(
    WORD,
    st.sampled_from(["=", ": ", ":", "\n", "\r\n", " ", '"', "'", "\\", '\\"', "{", "}", "<", ">", "</", "- "]),
    st.sampled_from(["|", ">-\n", "|\n  ", ",", ";", "&"]),
    st.sampled_from(["password", "token", "DB_PASSWORD", "api-key", "://", "@", "--password ", REDACTED, "Bearer "]),
    st.sampled_from(["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "@tcp(", "eyJ", "$(", "<password>"]),
)  # fmt: skip


@given(st.lists(PIECE, max_size=30).map("".join))
def test_a_second_pass_changes_nothing(text: str) -> None:
    once, _ = clean_text(text)
    again, found = clean_text(once)
    assert again == once
    assert not found


@given(st.text())
def test_text_without_a_secret_word_or_mark_stays(text: str) -> None:
    harmless = text.replace("=", "").replace(":", "").replace("<", "").replace("--", "").replace("eyJ", "")
    assert clean_text(harmless)[0] == harmless


NAME = st.sampled_from(["a", "host", "port", "b c", "\u00fc", "x.y/z"])


@given(st.recursive(WORD, lambda inner: st.lists(inner) | st.dictionaries(NAME, inner)))
def test_a_page_stays_json(tree: object) -> None:
    page = {"DB_PASSWORD": SECRET, "tree": tree, "text": json.dumps({"api_key": SECRET, "tree": tree})}
    for indent in (None, 1):
        cleaned, _ = clean_page(json.dumps(page, indent=indent))
        assert SECRET not in cleaned
        assert json.loads(cleaned)["tree"] == tree
        assert json.loads(json.loads(cleaned)["text"]) == {"api_key": REDACTED, "tree": tree}


def test_headers_and_matchers_of_a_page() -> None:
    page = {
        "add": [{"header": {"key": "x-api-key", "value": SECRET}}, {"header": {"key": "x-team", "value": "blue"}}],
        "match": [
            {"name": "x-api-key", "string_match": {"exact": SECRET}},
            {"name": "cookie", "exact_match": SECRET},
            {"name": ":path", "string_match": {"exact": "/login"}},
        ],
        "key": {"inline_string": PEM},
    }
    for indent in (None, 1, 4):
        cleaned, found = clean_page(json.dumps(page, indent=indent), 0)
        assert SECRET not in cleaned
        assert "blue" in cleaned
        assert "/login" in cleaned
        assert found.total() == 4
        json.loads(cleaned)


HOSTILE = [
    "a", '"', ":", "://", "://a:", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "a:", "=a:", "Bearer ", "eyJ",
    "password=", 'password=\\"', "password='", 'password="', "--password ", "<password>", "password: |\n",
    "\npassword=", "a=", '"key": "', '"key": "a",', '"a": "', '\\"', "Ab", "$(", "{{", "/a", "\t", " ", "- ",
    "[redacted by meshdoctor]", 'password: "\\', "ghp_", "xox", "@tcp(", "vault://", "password = x ",
]  # fmt: skip
PROGRAM = """
import json, sys
from meshdoctor.text.redaction import clean_page, clean_text
from meshdoctor.text.secrets import holds_secret

for piece in json.loads(sys.argv[1]):
    for text in (piece * (60_000 // len(piece)), piece + " " * 60_000 + "x\\n", piece + "a" * 60_000 + "@tcp("):
        clean_text(text), clean_page(text), holds_secret("DB_PASSWORD", text), holds_secret(text, "x")
"""


def test_a_hostile_text_ends(root: Path) -> None:
    # A quadratic pattern takes minutes here; nothing else could end it, as the interpreter waits inside of it.
    subprocess.run([sys.executable, "-c", PROGRAM, json.dumps(HOSTILE)], cwd=root, check=True, timeout=120)
