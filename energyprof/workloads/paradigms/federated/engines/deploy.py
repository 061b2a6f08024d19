"""Clients on devices of their own: a SuperLink here, to which each device's SuperNode comes.

Joules of the clients are in their own reports, each made by the energyprof on its device. Who is away is not
asked; whose answer does not come is lost for the round, and named.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from typing import Any, Iterator

from energyprof.workload import WorkloadError
from energyprof.workloads.paradigm import Divisible, Say
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated import flower
from energyprof.workloads.paradigms.federated.engines.deployed import apps, bridge, keys, programs
from energyprof.workloads.paradigms.federated.engines.deployed.fleet import Fleet, Terms
from energyprof.workloads.paradigms.federated.engines.deployed.signed import secret_in
from energyprof.workloads.paradigms.federated.flower import identity

OPENS_WITHIN_S = 120.0
# Its servers' names and options are other ones before.
OLDEST = (1, 42)
CONNECTION = """\
[superlink]
default = "here"

[superlink.here]
address = "{address}"
{how}
"""


@contextlib.contextmanager
def opened(program: Divisible, cohort: Cohort, seed: int, say: Say) -> Iterator[Fleet]:
    """The engine for a training, once its clients are there.

    Raises:
        WorkloadError: a SuperLink cannot be started there, or no client comes in time.
    """
    settings = program.plan.settings
    _check_version()
    address = programs.address_of(settings.address)
    if programs.answers(address):
        raise WorkloadError(f"--address {address}: somebody listens there already: use another port")
    secret = secret_in(settings.token)
    public = keys.public_in(settings.node_keys, settings.clients)
    folder = tempfile.mkdtemp(prefix="d", dir=flower.folder())
    try:
        words = [*_secured(settings.certificates, address, folder), "--isolation", "subprocess"]
        words += ["--host", address.host, "--port", str(address.port)]
        words += ["--disable-runtime-dependency-installation"]
        words += ["--enable-supernode-auth"] if public else []
        with bridge.listening(os.path.join(folder, "bridge")) as listener, identity():
            with programs.running("flower-superlink", words, folder) as superlink:
                superlink.await_address(address, OPENS_WITHIN_S)
                for path in keys.written(public, folder):
                    programs.run("flwr", ["supernode", "register", path, "here"], folder, OPENS_WITHIN_S)
                programs.run("flwr", ["run", apps.write_bundle(folder), "here"], folder, OPENS_WITHIN_S)
                line = listener.next(OPENS_WITHIN_S)
                if line is None:
                    raise WorkloadError(f"Flower's ServerApp did not start: {superlink.last_words()}")
                terms = Terms(secrets.token_hex(16), program.plan.work(), seed, settings.answer_s, secret)
                fleet = Fleet(line, len(cohort), terms, say, superlink.check)
                _overhear(cohort, fleet)
                try:
                    fleet.gather()
                    yield fleet
                finally:
                    fleet.dismiss()
                    line.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _secured(certificates: Any, address: programs.Address, folder: str) -> Any:
    """The SuperLink's words on TLS; ``flwr run`` finds its own in ``folder``."""
    if certificates is None:
        words, how = ["--insecure"], "insecure = true"
    else:
        names = (programs.CA, programs.CERTIFICATE, programs.KEY)
        ca, cert, key = (programs.certificate(certificates, name) for name in names)
        words = ["--ssl-ca-certfile", ca, "--ssl-certfile", cert, "--ssl-keyfile", key]
        how = f'root-certificates = "{ca}"'
    with open(os.path.join(folder, "config.toml"), "w", encoding="utf-8") as file:
        file.write(CONNECTION.format(address=address, how=how))
    return words


def _overhear(cohort: Cohort, fleet: Fleet) -> None:
    """Let the clients learn what the server scores: their reports, too, are of a training to a target."""
    plain = cohort.score

    def score() -> float:
        fleet.score = plain()
        return fleet.score

    cohort.score = score  # type: ignore[method-assign]


def _check_version() -> None:
    version = flower.library("flwr").__version__
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise WorkloadError(
            f"Flower {version} is too old for --engine deploy, which needs {OLDEST[0]}.{OLDEST[1]}: "
            f"{flower.INSTALL.format('federated')}"
        )
