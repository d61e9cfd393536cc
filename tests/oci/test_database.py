"""The database that the environment names, its password and its wallet."""

from __future__ import annotations

import base64
import io
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import millrace.database
import pytest
from millrace.database import OracleService, SqliteFile, named, oracle_pool, wallet
from millrace.errors import ConfigurationError

ORACLE = {"MILLRACE_DATABASE": "oracle://app@adb_low"}


def no_secrets(secret_id: str) -> bytes:
    raise AssertionError(f"nobody should read {secret_id}")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("", SqliteFile("millrace.db")),
        ("sqlite:///a/b.db", SqliteFile("a/b.db")),
        ("sqlite:////a/b.db", SqliteFile("/a/b.db")),
        ("oracle://app@adb_low", OracleService("app", "adb_low")),
        ("oracle://app@db:1521/PDB", OracleService("app", "db:1521/PDB")),
        (
            "oracle://app@(description=(address=(host=a@b)))",
            OracleService("app", "(description=(address=(host=a@b)))"),
        ),
    ],
)
def test_what_is_named(url: str, target: object) -> None:
    assert named({"MILLRACE_DATABASE": url}) == target


@pytest.mark.parametrize(
    "url",
    ["oracle://app:hunter2@adb", "oracle://adb", "sqlite://a", "sqlite:///", "postgres://hunter2"],
)
def test_what_names_none_is_said_without_what_may_be_a_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        named({"MILLRACE_DATABASE": url})
    assert "hunter2" not in str(raised.value)
    assert "oracle://USER@DSN" in str(raised.value)


def test_the_password_comes_from_the_vault() -> None:
    asked = []

    def secrets(secret_id: str) -> bytes:
        asked.append(secret_id)
        return b"hunter2"

    service = OracleService("app", "db.invalid:1521/PDB")
    environ = {"MILLRACE_DATABASE_SECRET_ID": "ocid1.vaultsecret.oc1..x"}
    pool = oracle_pool(service, environ, secrets)
    assert asked == ["ocid1.vaultsecret.oc1..x"]
    assert (pool.username, pool.dsn, pool.min, pool.max) == ("app", service.dsn, 0, 2)
    pool.close()


def test_without_a_password_it_says_where_one_belongs() -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_DATABASE_SECRET_ID"):
        oracle_pool(OracleService("app", "adb"), {}, no_secrets)


def test_no_wallet_no_arguments() -> None:
    assert wallet({}, no_secrets) == {}


def test_a_wallet_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "tnsnames.ora").touch()
    environ = {
        "MILLRACE_WALLET": str(tmp_path),
        "MILLRACE_WALLET_PASSWORD_SECRET_ID": "its-password",
    }
    assert wallet(environ, lambda secret_id: secret_id.encode()) == {
        "config_dir": str(tmp_path),
        "wallet_location": str(tmp_path),
        "wallet_password": "its-password",
    }


def test_a_folder_that_is_no_wallet(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no tnsnames"):
        wallet({"MILLRACE_WALLET": str(tmp_path)}, no_secrets)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_wallet_out_of_the_vault_is_for_this_user_only() -> None:
    content = zipped(**{"tnsnames.ora": "x", "../../ewallet.pem": "key"})
    found = wallet({"MILLRACE_WALLET_SECRET_ID": "w"}, lambda _: content)
    folder = Path(found["wallet_location"])
    assert sorted(path.name for path in folder.iterdir()) == ["ewallet.pem", "tnsnames.ora"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_wallet_that_is_read_again_has_the_same_folder() -> None:
    """With a password that is wrong for a night it is read at every invocation."""
    content = zipped(**{"tnsnames.ora": "again"})
    first, second = (wallet({"MILLRACE_WALLET_SECRET_ID": "w"}, lambda _: content) for _ in "ab")
    assert first == second


@pytest.mark.parametrize("dsn", ["no_such_alias", "(DESCRIPTION=(hunter2"])
def test_an_address_that_is_none_is_a_mistake_of_the_configuration(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="DPY-4") as raised:
        oracle_pool(OracleService("app", dsn), {"MILLRACE_DATABASE_PASSWORD": "hunter2"})
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__


def damaged() -> bytes:
    """A zip whose directory is whole, and whose file is not."""
    content = bytearray(zipped(**{"tnsnames.ora": "x" * 500}))
    content[50:60] = bytes(10)
    return bytes(content)


def encrypted() -> bytes:
    """A zip with a password: by the flags in its two headers."""
    content = bytearray(zipped(**{"tnsnames.ora": "x"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize("content", [zipped(**{"tnsnames.ora": "x"}), b"no zip"])
def test_no_wallet_outlives_its_process(content: bytes, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom millrace.database import wallet\n"
        "wallet({'MILLRACE_WALLET_SECRET_ID': 'w'}, lambda _: sys.stdin.buffer.read())"
    )
    library = Path(millrace.database.__file__).parents[1]
    environ = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(library)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], input=content, env=environ, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode == 0) is (content != b"no zip"), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"no zip", base64.b64encode(zipped(a="b")), damaged(), encrypted()]
)
def test_a_secret_that_is_no_wallet(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="holds no zip"):
        wallet({"MILLRACE_WALLET_SECRET_ID": "w"}, lambda _: content)
