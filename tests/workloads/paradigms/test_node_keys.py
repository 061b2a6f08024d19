"""Keys by which a SuperLink knows its SuperNodes: what the files hold, and a server that is not ready yet."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from energyprof.settings import Settings
from energyprof.wire import FLOWER_VARIABLE
from energyprof.workload import WorkloadError
from energyprof.workloads import paradigms
from energyprof.workloads.paradigms.federated.engines.deployed import keys, programs

KEY = "ecdsa-sha2-nistp384 AAAAE2VjZHNh{} client {}"


def test_a_file_holds_a_key_of_each_client_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours\n\n" + "".join(KEY.format(n, n) + "\n" for n in (0, 1, 1)))
    found = keys.public_in(str(file), 2)
    assert found == ["ecdsa-sha2-nistp384 AAAAE2VjZHNh0", "ecdsa-sha2-nistp384 AAAAE2VjZHNh1"]
    assert [Path(path).read_text().strip() for path in keys.written(found, str(tmp_path))] == found
    assert keys.public_in(None, 2) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read: No such file"),
        (KEY.format(0, 0), "holds 1 public keys for 2 clients"),
        ("ssh-ed25519 AAAAC3Nz me", "line 1: not a public key that Flower takes"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "line 1: not a public key that Flower takes"),
    ],
)
def test_what_is_no_file_of_public_keys_is_one_line(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(WorkloadError, match=problem) as refused:
        keys.public_in(str(file), 2)
    assert "\n" not in str(refused.value)


def test_a_public_key_is_no_private_one_and_keys_need_certificates(tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(KEY.format(0, 0))
    with pytest.raises(WorkloadError, match="holds no private key of this client"):
        keys.check_private(str(file))
    asked = Settings(paradigm="federated", engine="deploy", address="10.0.0.5:9092", node_keys=str(file))
    with pytest.raises(WorkloadError, match="give --certificates"):
        paradigms.described(asked)
    with pytest.raises(WorkloadError, match="--node-keys: only for --engine deploy"):
        paradigms.described(Settings(paradigm="federated", node_keys=str(file)))


# A SuperNode as it ends where the server does not know its key (yet), or asks for one.
SUPERNODE = """#!/bin/sh
[ -e {folder}/known ] && exec sleep 600
echo "Failed to initialize the connection to the SuperLink."
echo "[code: {code}] Failed to activate SuperNode."
: > {folder}/refused
exit 1
"""


@pytest.fixture
def supernode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FLOWER_VARIABLE, str(tmp_path / "python"))
    for name in ("flwr", "flower-supernode"):
        (tmp_path / name).write_text(SUPERNODE.format(folder=tmp_path, code=2004))
        (tmp_path / name).chmod(0o755)
    return tmp_path / "flower-supernode"


def test_a_supernode_comes_again_until_the_server_knows_its_key(supernode: Path) -> None:
    folder = supernode.parent
    with programs.running("flower-supernode", (), str(folder)) as program:
        admission = keys.Admission(program, "key", 600.0)
        while not (folder / "refused").exists():
            time.sleep(0.01)
        (folder / "known").touch()
        while program.said("[code: 2004]"):  # what it says now is another's words
            admission.check()
            time.sleep(0.01)
        admission.check()


def test_a_key_that_the_server_never_knows_and_one_that_is_missing_are_one_line(supernode: Path) -> None:
    for path, code, within_s, problem in (
        ("key", 2004, 0.0, "the server has no such key among its own --node-keys"),
        (None, 2001, 600.0, "asks for a key: give this client's by --node-keys"),
    ):
        supernode.write_text(SUPERNODE.format(folder=supernode.parent, code=code))
        with programs.running("flower-supernode", (), str(supernode.parent)) as program:
            admission = keys.Admission(program, path, within_s)
            with pytest.raises(WorkloadError, match=problem):
                while True:
                    admission.check()
                    time.sleep(0.01)
