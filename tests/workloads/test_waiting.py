"""Two real processes that train together, of which one is slow: the other says how long it was blocked."""

import pytest

from fakes import forked

pytest.importorskip("torch")

# Rank 1 sleeps in each step; a loop as the workloads' own has its model and its device.
PROGRAM = """
import json, sys, time
import torch
from torch.nn.parallel import DistributedDataParallel
from energyprof.workloads.training import ranks
from energyprof.workloads.waiting import Waiting

torch.set_num_threads(1)
device = torch.device("cpu")
ranks.join(device)

class Loop:
    def __init__(self, model):
        self._model, self._device = model, device

waiting, loop = Waiting(), Loop(DistributedDataParallel(torch.nn.Linear(20, 20)))
def train(steps, pause_s):
    for _ in range(steps):
        time.sleep(pause_s if ranks.rank() == 1 else 0)
        loop._model(torch.ones(2, 20)).sum().backward()
        waiting.step(loop)

waiting.phase("warmup")
train(4, 0.5)
waiting.phase("train")
train(8, 0.2)
waiting.phase("eval")
time.sleep(1)
waiting.phase("train")
train(2, 0.2)
waiting.phase("eval")
found = waiting.facts()
alone = Waiting()
alone.phase("train")
alone.step(object())
if ranks.rank() == 0:
    print(json.dumps([found, alone.facts()]))
ranks.leave()
"""


@pytest.mark.slow
def test_the_rank_that_is_not_slow_is_blocked_for_as_long_as_the_other_sleeps(tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    found, alone = forked.printed(2, tmp_path / "train.py", before="import torch._dynamo")
    quick, slow = found["ranks"]
    assert (quick["rank"], slow["rank"]) == (0, 1)
    assert quick["steps"] == slow["steps"] == 10  # neither warm-up nor evaluations
    # The steps of training alone: those of the warm-up take 0.5 s. A busy machine makes a step longer.
    assert 0.15 <= quick["blocked_s"] <= quick["step_s"]
    assert slow["step_s"] - slow["blocked_s"] >= 0.2
    assert quick["blocked_u_s"] <= 0.1 * quick["blocked_s"]  # every step was read but the last
    assert alone is None  # no DistributedDataParallel: nothing can be told


def test_alone_a_process_waits_for_nobody():
    from energyprof.workloads.waiting import Waiting

    waiting = Waiting()
    waiting.phase("train")
    assert waiting.facts() is None
