"""Flower's strategies, each with the options that a plan states."""

from typing import Any, Dict

from energyprof.workloads.paradigms.federated.flower import library

KINDS = {"fedavg": "FedAvg", "fedprox": "FedProx", "fedavgm": "FedAvgM", "fedadam": "FedAdam"}
OPTIONS: Dict[str, Dict[str, float]] = {
    "fedavg": {},
    "fedprox": {"proximal_mu": 0.01},  # of those that Li et al., 2020 (MLSys) try, the second smallest
    "fedavgm": {"server_learning_rate": 1.0, "server_momentum": 0.9},  # Hsu et al., 2019, arXiv 1909.06335
    "fedadam": {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3},  # Reddi et al., 2021, ICLR
}
WEIGHT = "num-examples"


def strategy_of(config: Any) -> Any:
    """The strategy of a plan's paradigm; who takes part is chosen before it is asked."""
    kind = getattr(library("flwr.serverapp.strategy"), KINDS[config["strategy"]])
    return kind(
        fraction_train=1.0,
        fraction_evaluate=0.0,  # the server evaluates: clients hold nothing back
        min_train_nodes=1,
        min_evaluate_nodes=0,
        min_available_nodes=1,
        weighted_by_key=WEIGHT,
        **config["strategy_options"],
    )
