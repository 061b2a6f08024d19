"""Federated training on devices: a SuperLink and SuperNodes as they are, each metered by its own energyprof.

The devices are processes with meters of known power, in network namespaces or on this machine's loopback.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import warm
from energyprof.report.file import read, trace_path
from energyprof.report.recompute import is_given_back, recompute
from fakes import bridged
from fakes.devices import FORKING, Device, devices, expect_nothing_but_a_report, free_port
from fakes.installed import needs
from fakes.powercap import LAG_J

needs("flwr>=1.42", "torch")
pytestmark = [pytest.mark.slow, pytest.mark.long]

POWERS_W = (40.0, 60.0, 100.0)  # of the server and its clients
TRAINING = ("unet", "--paradigm", "federated", "--clients", "2", "--local-epochs", "0.05")


def certificates(folder: Path, host: str) -> None:
    """An authority and the server's certificate, by the names of Flower's documentation."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    days = datetime.timedelta(days=1)
    of_ca = x509.CertificateBuilder().subject_name(name("ca")).public_key(ca_key.public_key())
    of_ca = of_ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    of_server = x509.CertificateBuilder().subject_name(name("server")).public_key(key.public_key())
    of_server = of_server.add_extension(alternative, critical=False)
    folder.mkdir()
    for file, builder in (("ca.crt", of_ca), ("server.pem", of_server)):
        signed = (
            builder.issuer_name(name("ca"))
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - days)
            .not_valid_after(now + days)
            .sign(ca_key, hashes.SHA256())
        )
        (folder / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").write_bytes(private)


def node_key(path: Path) -> str:
    """A client's private key at ``path``, and its public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP384R1())
    kept = (serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *kept))
    shown = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return key.public_key().public_bytes(*shown).decode()


def left_over(folder: Path) -> list[str]:
    """The command lines of Flower's programs that run on, of those started in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            own = str(folder).encode() in (process / "environ").read_bytes()
            if own and any(name in words for name in ("flower-", "flwr-", "energyprof.workloads")):
                found.append(words)
    return found


def joined(folder: Path, fleet: Sequence[Device]) -> Any:
    path = folder / "joined.json"
    done = subprocess.run(
        [sys.executable, "-m", "energyprof", "join", *(str(d.report) for d in fleet), "-o", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert trace_path(path).exists()
    return read(path)


def in_process() -> list[float]:
    """The scores of the same training by clients one after the other."""
    settings = {"paradigm": "federated", "clients": 2, "local_epochs": 0.05, "max_samples": 64}
    job = json.dumps({"name": "unet", "settings": settings, "seed": 0})
    environment = {k: v for k, v in os.environ.items() if k != "ENERGYPROF_WIRE"}
    done = warm.run(
        ["-m", "energyprof.workloads", job],
        {**environment, "OMP_NUM_THREADS": "1"},
        timeout_s=300,
        loaded=("torch", "flwr.serverapp.strategy"),
    )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return [one["score"] for one in said if one["event"] == "progress"]


def test_two_devices_in_namespaces_train_over_tls_by_their_keys_and_one_report_has_the_joules_of_each(
    tmp_path: Path,
) -> None:
    if why := bridged.missing():
        pytest.skip(why)
    places = bridged.machines(3)
    with (
        places as machines,
        devices(tmp_path, (*POWERS_W, 20.0), [on for _, on in (*machines, machines[2])], FORKING) as found,
    ):
        *fleet, stranger = found
        host = machines[0][0]
        certificates(tmp_path / "certificates", host)
        (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef\n")
        shared = ("--token", str(tmp_path / "token"), "--certificates", str(tmp_path / "certificates"))
        words = (*TRAINING, "--engine", "deploy", "--address", f"{host}:9092", "--max-samples", "64", *shared)
        public = [node_key(tmp_path / f"key-{number}") for number in range(2)]
        (tmp_path / "keys").write_text("\n".join(public))
        fleet[0].start(*words, "--node-keys", str(tmp_path / "keys"))
        stranger.start(*words, "--client", "1")
        code, said = stranger.ends()
        assert code == 2
        assert "the server asks for a key: give this client's by --node-keys" in said
        for number, device in enumerate(fleet[1:]):
            device.start(*words, "--client", str(number), "--node-keys", str(tmp_path / f"key-{number}"))
        for device in fleet:
            code, said = device.ends()
            assert code == 4, said  # so few samples reach no target
        assert not left_over(tmp_path)
        report = joined(tmp_path, fleet)

    run = report.runs[0]
    for device, power_w in zip(fleet, POWERS_W, strict=True):
        own = device.run()
        assert abs(own["energy_j"] - power_w * own["time_s"]) < own["energy_u_j"] + LAG_J
    assert run.energy_j == pytest.approx(sum(device.run()["energy_j"] for device in fleet))
    assert [one.round for one in run.rounds] == [1, 2]
    assert sum(one.energy_j or 0 for one in run.rounds) == pytest.approx(run.energy_j)
    for one in run.rounds:
        assert {client.node for client in one.clients} == {"device-0", "device-1"} or len(
            {client.node for client in one.clients}
        ) == 2
        for client, power_w in zip(one.clients, POWERS_W[1:], strict=True):
            assert not client.reason
            assert {"decode", "encode", "wait"} < set(client.phases)
            for part in client.phases.values():
                assert part.energy_j is not None and part.energy_u_j is not None
                assert abs(part.energy_j - power_w * part.time_s) < part.energy_u_j + LAG_J
            assert client.bytes_up == client.bytes_down > 1_000_000
        assert one.server["wait"].energy_j is not None
    assert is_given_back(report, recompute(tmp_path / "joined.json"))
    assert [one.score for one in run.rounds] == in_process()
    assert not [flag for flag in run.flags if flag.kind in ("clocks_apart", "client_lost")]


def test_a_client_that_is_killed_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with devices(tmp_path, POWERS_W, environment=FORKING) as fleet:
        server, stays, dies = fleet
        words = (*TRAINING, "--engine", "deploy", "--address", f"127.0.0.1:{free_port()}")
        words = (*words, "--answer-within", "45", "--max-samples", "48")
        server.start(*words)
        stays.start(*words, "--client", "0")
        dies.start(*words, "--client", "1")
        dies.until_recorded(b"encode")  # its first answer is on its way
        dies.signal(signal.SIGKILL)
        assert (expect_nothing_but_a_report(dies, signal.SIGKILL).energy_j or 0) > 0
        code, said = server.ends()
        assert code == 4, said
        assert stays.ends()[0] == 4
        assert not left_over(tmp_path)
        report = joined(tmp_path, [server, stays])

    flags = {flag["kind"]: flag["detail"] for flag in server.run()["flags"]}
    assert flags["client_lost"].startswith("client 1 in ")
    assert "client 1 " in " ".join(server.run()["facts"]["fleet"])
    lost = [c for one in server.run()["rounds"] for c in one["clients"] if c["outcome"] == "dropped"]
    assert {(c["client"], c["samples"], c["bytes_up"]) for c in lost} == {("client 1", 0, 0)}
    # Of a training that is killed all is on the disk until then.
    assert [flag.kind for flag in read(dies.report).runs[0].flags] == ["unfinished"]
    by_client = {c.client: c for one in report.runs[0].rounds for c in one.clients}
    assert by_client["client 0"].energy_j is not None
    assert by_client["client 1"].energy_j is None and by_client["client 1"].reason
