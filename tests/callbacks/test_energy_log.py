"""Running values of a training in real trackers of experiments, beside a meter that shows 50 W."""

from __future__ import annotations

import json
import re
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

import warm
from energyprof.callbacks import energy_log, log_sink
from energyprof.callbacks.energy_log import EnergyLog
from fakes import wandb_file

WATTS = 50.0
# What every program begins with: something that takes a while, and a sink that keeps what it is given.
BEGIN = """
import json, os, sys, threading, time, warnings
import energyprof
from energyprof.callbacks import energy_log, log_sink
from energyprof.callbacks.energy_log import EnergyLog

class Kept:
    def __init__(self):
        self.rows = []
    def log(self, values, step):
        self.rows.append([step, values])

def train(log, steps=8, seconds=0.15):
    with log:
        for step in range(1, steps + 1):
            time.sleep(seconds)
            log.step(samples=64 * step, step=step)
"""


def ran(command: Command, code: str, *loaded: str, **environment: str) -> Any:
    """What the program did, which trains with the ``loaded`` libraries."""
    (command.folder / "train.py").write_text(BEGIN + textwrap.dedent(code))
    given = command.environment(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", **environment)
    return warm.run(["-m", "train"], given, command.folder, timeout_s=300, loaded=loaded)


def said(command: Command, code: str, *loaded: str, **environment: str) -> Any:
    """What it prints as JSON in its last line."""
    done = ran(command, code, *loaded, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_grid_that_is_none_is_one_error() -> None:
    for grid in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="g CO2e/kWh above 0"):
            EnergyLog(grid=grid)
    with pytest.raises(Exception, match="not in the table"):
        EnergyLog(grid="Atlantis")


def test_before_it_begins_and_without_a_profiler_there_are_no_values() -> None:
    assert EnergyLog().values(64) == {}


PAGE = (Path(__file__).parent.parent.parent / "docs/loggers.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_names_every_sink_and_the_waits_that_there_are() -> None:
    sinks = {name for name in vars(log_sink) if name.endswith("Sink") and name != "LogSink"}
    assert set(re.findall(r"^\| `(\w+Sink)\(", PAGE, re.MULTILINE)) == sinks
    assert "once a second" in PAGE and energy_log.EVERY_S == 1
    assert f"waited for {energy_log.CLOSE_S:g} s at most" in PAGE
    assert (
        f"waited for {energy_log.WAIT_S:g} s, once, and {energy_log.LAST_S:g} s for the last values" in PAGE
    )


@pytest.mark.slow  # every program starts a profiler of its own
def test_the_page_s_loop_and_its_sink_of_one_s_own_run(command: Command) -> None:
    pytest.importorskip("tensorboard")
    loop, printed = BLOCKS[:2]
    assert "TensorBoardSink(writer)" in loop and "class Printed" in printed
    done = ran(
        command,
        "from torch.utils.tensorboard import SummaryWriter\n"
        "writer, steps, train_one_batch = SummaryWriter('tb'), 3, lambda: time.sleep(0.5)\n"
        f"{printed}\n{loop.replace('(writer)]', '(writer), Printed()]')}",
        "torch.utils.tensorboard",
    )
    assert done.returncode == 0, done.stderr
    names = {f"energyprof/{name}" for name in ("energy_j", "energy_u_j", "power_w", "j_per_sample")}
    shown = [line for line in done.stdout.splitlines() if "energyprof/" in line]
    assert shown and all(name in shown[0] for name in names)
    table = set(re.findall(r"^\| `(energyprof/\w+)`", PAGE, re.MULTILINE))
    assert table == names | {"energyprof/emissions_g"}


@pytest.mark.slow
class TestValues:
    def test_joules_watts_and_joules_a_sample_are_those_of_the_meter(self, command: Command) -> None:
        rows, seconds = said(
            command,
            """
            sink, began_s = Kept(), time.monotonic()
            train(EnergyLog([sink], every_s=0.3))
            print(json.dumps([sink.rows, time.monotonic() - began_s]))
            """,
        )
        assert 2 <= len(rows) <= 6
        for _, values in rows:
            assert {f"energyprof/{name}" for name in ("energy_j", "energy_u_j", "power_w")} <= set(values)
            assert values["energyprof/power_w"] == pytest.approx(WATTS, rel=0.1)
        steps = [step for step, _ in rows if step is not None]
        assert steps == sorted(set(steps))
        step, last = rows[-2]
        assert last["energyprof/j_per_sample"] == last["energyprof/energy_j"] / (64 * step)
        assert rows[-1][1]["energyprof/energy_j"] <= WATTS * seconds * 1.1
        energies = [values["energyprof/energy_j"] for _, values in rows]
        assert energies == sorted(energies)

    def test_the_training_is_a_window_of_the_report(self, command: Command) -> None:
        done = ran(command, "log = EnergyLog(); log.begin(); time.sleep(0.5); log.end(samples=640)")
        assert done.returncode == 0, done.stderr
        (path,) = (command.folder / "energyprof-reports").glob("*.json")
        (window,) = json.loads(path.read_text())["runs"][0]["windows"]
        assert (window["name"], window["samples"]) == ("training", 640)
        assert window["energy_j"] == pytest.approx(WATTS * (window["end_s"] - window["start_s"]), rel=0.15)

    def test_emissions_are_there_where_a_grid_was_named_and_nowhere_else(self, command: Command) -> None:
        number, country, none = said(
            command,
            """
            found = []
            for grid in (3600.0, "FR", None):
                with EnergyLog(grid=grid) as log:
                    time.sleep(0.5)
                    found.append(log.values())
            print(json.dumps(found))
            """,
        )
        assert number["energyprof/emissions_g"] == pytest.approx(number["energyprof/energy_j"] / 1000)
        assert 0 < country["energyprof/emissions_g"] < number["energyprof/emissions_g"]
        assert "energyprof/emissions_g" not in none

    def test_an_estimate_is_called_one(self, command: Command) -> None:
        values = said(
            command,
            """
            energyprof.start(meters="cpu-model")
            with EnergyLog() as log:
                time.sleep(0.5)
                print(json.dumps(log.values()))
            """,
            ENERGYPROF_SYSFS_ROOT="/",
        )
        assert values and all(name.startswith("energyprof_modelled/") for name in values)

    def test_without_a_meter_nothing_is_logged(self, command: Command) -> None:
        rows = said(
            command,
            """
            energyprof.start(meters="none")
            sink = Kept()
            train(EnergyLog([sink], every_s=0.0), steps=2)
            print(json.dumps(sink.rows))
            """,
        )
        assert rows == []


@pytest.mark.slow
class TestTrouble:
    def test_a_sink_that_fails_is_one_warning_and_the_others_go_on(self, command: Command) -> None:
        done = ran(
            command,
            """
            class Broken:
                def log(self, values, step):
                    raise OSError("no route to host")
            sink = Kept()
            train(EnergyLog([Broken(), sink], every_s=0.0))
            print(json.dumps(len(sink.rows)))
            """,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("Broken failed; the training goes on") == 1
        assert json.loads(done.stdout) >= 7

    def test_a_sink_that_hangs_holds_up_neither_the_training_nor_its_end(self, command: Command) -> None:
        done = ran(
            command,
            """
            energy_log.QUEUED, energy_log.CLOSE_S = 3, 0.2
            class Hanging:
                def log(self, values, step):
                    threading.Event().wait()
            train(EnergyLog([Hanging()], every_s=0.0), steps=20, seconds=0.01)
            print("trained")
            """,
        )
        assert done.returncode == 0, done.stderr
        assert "trained" in done.stdout
        assert "Hanging was too slow: values that it did not get" in done.stderr

    def test_a_profiler_that_hangs_is_waited_for_once_and_heard_again(self, command: Command) -> None:
        during, after = said(
            command,
            """
            import signal
            from energyprof.callbacks import own_profiler
            log = EnergyLog()
            log.begin()
            time.sleep(0.5)
            assert log.values()
            pid = own_profiler._started.process.pid
            os.kill(pid, signal.SIGSTOP)
            while open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "T":
                time.sleep(0.01)
            during = [len(log.values()) for _ in range(1000)]
            os.kill(pid, signal.SIGCONT)
            for _ in range(200):
                time.sleep(0.05)
                if after := log.values():
                    break
            log.end()
            print(json.dumps([sum(during), len(after)]))
            """,
        )
        assert during == 0
        assert after >= 3

    def test_a_profiler_that_is_gone_costs_values_alone(self, command: Command) -> None:
        done = ran(
            command,
            """
            import signal
            from energyprof.callbacks import own_profiler
            sink = Kept()
            with EnergyLog([sink], every_s=0.0) as log:
                os.kill(own_profiler._started.process.pid, signal.SIGKILL)
                own_profiler._started.process.wait()
                for step in range(1000):
                    log.step(samples=step, step=step)
            print(len(sink.rows))
            """,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "0"


@pytest.mark.slow
class TestTrackers:
    def test_tensorboard_s_own_reader_finds_the_scalars(self, command: Command) -> None:
        pytest.importorskip("tensorboard")
        pytest.importorskip("torch")
        done = ran(
            command,
            """
            from torch.utils.tensorboard import SummaryWriter
            writer = SummaryWriter("tb")
            train(EnergyLog([log_sink.TensorBoardSink(writer)], every_s=0.3))
            writer.close()
            """,
            "torch.utils.tensorboard",
        )
        assert done.returncode == 0, done.stderr
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(command.folder / "tb")).Reload()
        joules = found.Scalars("energyprof/energy_j")
        assert len(joules) >= 2
        assert found.Scalars("energyprof/power_w")[-1].value == pytest.approx(WATTS, rel=0.1)
        assert joules[0].step in range(1, 9)

    def test_mlflow_s_client_finds_the_metrics_of_the_active_run(
        self, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        mlflow = pytest.importorskip("mlflow")
        done = ran(
            command,
            """
            import mlflow
            mlflow.set_tracking_uri("file:" + os.path.abspath("store"))
            with mlflow.start_run() as run:
                train(EnergyLog([log_sink.MlflowSink()], every_s=0.3))
            print(run.info.run_id)
            """,
        )
        assert done.returncode == 0, done.stderr
        client = mlflow.MlflowClient((command.folder / "store").as_uri())
        history = client.get_metric_history(done.stdout.split()[-1], "energyprof/power_w")
        assert len(history) >= 2
        assert history[-1].value == pytest.approx(WATTS, rel=0.1)

    def test_wandb_keeps_them_offline_over_samples(self, command: Command) -> None:
        pytest.importorskip("wandb")
        done = ran(
            command,
            """
            import wandb
            run = wandb.init(mode="offline", settings=wandb.Settings(silent=True))
            train(EnergyLog([log_sink.WandbSink()], every_s=0.3))
            run.finish()
            wandb.teardown()
            """,
        )
        assert done.returncode == 0, done.stderr
        values = wandb_file.values(command.folder)
        watts = [value for name, value in values if name == "energyprof/power_w"]
        assert watts and watts[-1] == pytest.approx(WATTS, rel=0.1)
        assert any(name == "energyprof/samples" for name, _ in values)

    def test_aim_s_run_keeps_the_metrics(self, command: Command) -> None:
        pytest.importorskip("aim")
        done = ran(
            command,
            """
            from aim import Run
            run = Run(repo=".", system_tracking_interval=None)
            train(EnergyLog([log_sink.AimSink(run)], every_s=0.3))
            found = [m.name for m in run.metrics()]
            run.close()
            print(json.dumps(found))
            """,
        )
        assert done.returncode == 0, done.stderr
        assert "energyprof/energy_j" in json.loads(done.stdout.splitlines()[-1])

    @pytest.mark.parametrize(("sink", "package"), [("WandbSink", "wandb"), ("MlflowSink", "mlflow")])
    def test_without_a_run_that_goes_on_a_sink_says_so(self, sink: str, package: str) -> None:
        pytest.importorskip(package)
        with pytest.raises(ValueError, match=sink):
            getattr(log_sink, sink)()


@pytest.mark.slow
class TestLibrariesOwnLoggers:
    def test_lightning_s_logger_has_them_beside_the_loss(self, command: Command) -> None:
        if not find_spec("lightning"):
            pytest.skip("Lightning is not installed")
        done = ran(
            command,
            """
            import torch
            import lightning.pytorch as pl
            from lightning.pytorch.loggers import CSVLogger
            from energyprof.callbacks.lightning import EnergyprofCallback

            class Model(pl.LightningModule):
                def __init__(self):
                    super().__init__()
                    self.layer = torch.nn.Linear(3, 1)
                def training_step(self, batch, index):
                    time.sleep(0.1)
                    loss = self.layer(batch[0]).square().mean()
                    self.log("loss", loss)
                    return loss
                def configure_optimizers(self):
                    return torch.optim.SGD(self.parameters(), 0.1)

            warnings.simplefilter("ignore")
            data = torch.utils.data.TensorDataset(torch.randn(48, 3))
            data = torch.utils.data.DataLoader(data, batch_size=4)
            trainer = pl.Trainer(max_epochs=1, accelerator="cpu", devices=1, logger=CSVLogger(".", "", ""),
                log_every_n_steps=3, enable_progress_bar=False, enable_model_summary=False,
                enable_checkpointing=False, callbacks=[EnergyprofCallback(log=EnergyLog())])
            trainer.fit(Model(), data)
            """,
            "torch._dynamo",
            "lightning.pytorch",
        )
        assert done.returncode == 0, done.stderr
        rows = table(command.folder / "metrics.csv")
        assert all(row["energyprof/energy_j"] and row["loss"] for row in rows)
        joules = [float(row["energyprof/energy_j"]) for row in rows]
        assert joules == sorted(set(joules))
        assert float(rows[-1]["energyprof/power_w"]) == pytest.approx(WATTS, rel=0.1)
        assert float(rows[-1]["energyprof/j_per_sample"]) == pytest.approx(joules[-1] / 48)

    def test_the_trainer_logs_them_by_its_own_log(self, command: Command) -> None:
        pytest.importorskip("transformers")
        pytest.importorskip("accelerate")
        rows = said(
            command,
            """
            import torch
            from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
            from energyprof.callbacks.transformers import EnergyprofCallback

            size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
            data = [{"input_ids": torch.randint(5, 20, (4,)), "labels": i % 2} for i in range(24)]
            callback = EnergyprofCallback(log=EnergyLog())
            args = TrainingArguments("out", per_device_train_batch_size=4, use_cpu=True, report_to=[],
                logging_steps=2, max_steps=6, save_strategy="no")
            class Slow(Trainer):
                def training_step(self, *args, **kwargs):
                    time.sleep(0.2)
                    return super().training_step(*args, **kwargs)
            config = BertConfig(vocab_size=20, intermediate_size=8, **size)
            trainer = Slow(BertForSequenceClassification(config), args, train_dataset=data,
                callbacks=[callback])
            callback.log_to(trainer)
            trainer.train()
            print(json.dumps(trainer.state.log_history))
            """,
            "torch._dynamo",
            "transformers.trainer",
            "transformers.models.bert.modeling_bert",
            "accelerate",
        )
        losses = [row["step"] for row in rows if "loss" in row]
        energies = [row for row in rows if "energyprof/energy_j" in row]
        assert losses == [2, 4, 6]
        assert [row["step"] for row in energies][:3] == losses
        assert energies[2]["energyprof/j_per_sample"] == energies[2]["energyprof/energy_j"] / 24

    def test_keras_has_them_in_its_history(self, command: Command) -> None:
        if not find_spec("keras"):  # imported, it would look for the backend
            pytest.skip("keras is not installed")
        history = said(
            command,
            """
            os.environ["KERAS_BACKEND"] = "torch"
            import keras, numpy
            from energyprof.callbacks.keras import EnergyprofCallback
            model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            x = numpy.zeros((64, 3), "float32")
            class Slow(keras.callbacks.Callback):
                def on_train_batch_end(self, batch, logs=None):
                    time.sleep(0.1)
            sink = Kept()
            callback = EnergyprofCallback(batch_size=16, log=EnergyLog([sink], every_s=0.2))
            history = model.fit(
                x, x[:, :1], batch_size=16, epochs=2, verbose=0, callbacks=[Slow(), callback])
            print(json.dumps([history.history, len(sink.rows)]))
            """,
            "torch._dynamo",
            "keras",
        )
        found, rows = history
        joules = found["energyprof/energy_j"]
        assert len(joules) == len(found["loss"]) == 2
        assert joules[0] < joules[1]
        assert found["energyprof/j_per_sample"][1] == joules[1] / 128
        assert rows >= 2

    def test_other_trackers_of_accelerate_get_them_by_its_log(self, command: Command) -> None:
        pytest.importorskip("accelerate")
        rows = said(
            command,
            """
            from accelerate import Accelerator
            from accelerate.tracking import GeneralTracker
            from energyprof.callbacks.accelerate import EnergyprofTracker

            class Other(GeneralTracker):
                name, requires_logging_directory = "other", False
                def __init__(self):
                    super().__init__()
                    self.rows = []
                tracker = property(lambda self: self.rows)
                def store_init_configuration(self, values):
                    pass
                def log(self, values, step=None, **kwargs):
                    self.rows.append(values)

            energy_log.WAIT_S = 30.0  # on a busy machine an answer takes its time
            tracker, other = EnergyprofTracker(log=EnergyLog()), Other()
            accelerator = Accelerator(cpu=True, log_with=[tracker, other])
            accelerator.init_trackers("mine")
            with tracker.phase("train"):
                for epoch in (1, 2):
                    time.sleep(0.4)
                    accelerator.log({"samples": 64 * epoch, **tracker.energy()})
            accelerator.end_training()
            print(json.dumps(other.rows))
            """,
            "torch._dynamo",
            "accelerate",
        )
        assert [row["samples"] for row in rows] == [64, 128]
        assert 0 < rows[0]["energyprof/energy_j"] < rows[1]["energyprof/energy_j"]

    def test_samples_from_before_accelerate_s_log_began_divide_none_of_its_joules(
        self, command: Command
    ) -> None:
        pytest.importorskip("accelerate")
        first, later = said(
            command,
            """
            from accelerate import Accelerator
            from energyprof.callbacks.accelerate import EnergyprofTracker

            energy_log.WAIT_S = 30.0  # on a busy machine an answer takes its time
            tracker = EnergyprofTracker(log=EnergyLog())
            accelerator = Accelerator(cpu=True, log_with=tracker)
            accelerator.init_trackers("mine")
            accelerator.log({"samples": 6400})
            time.sleep(0.4)
            first = tracker.energy()
            accelerator.log({"samples": 6464})
            time.sleep(0.1)
            later = tracker.energy()
            accelerator.end_training()
            print(json.dumps([first, later]))
            """,
            "torch._dynamo",
            "accelerate",
        )
        assert first["energyprof/energy_j"] > 0 and "energyprof/j_per_sample" not in first
        assert later["energyprof/j_per_sample"] == later["energyprof/energy_j"] / 64

    def test_fastai_s_sinks_get_them(self, command: Command) -> None:
        pytest.importorskip("torch")
        if not find_spec("fastai"):
            pytest.skip("fastai is not installed")
        rows = said(
            command,
            """
            warnings.simplefilter("ignore")
            import torch
            import fastai.callback.progress
            from fastai.data.core import DataLoaders
            from fastai.data.load import DataLoader
            from fastai.learner import Learner
            from energyprof.callbacks.fastai import EnergyprofCallback

            def slow_loss(predicted, wanted):
                time.sleep(0.1)
                return (predicted - wanted).square().mean()

            data = [(torch.ones(3), torch.ones(1)) for _ in range(24)]
            loaders = DataLoaders(*(DataLoader(data, bs=4, num_workers=0) for _ in range(2)), device="cpu")
            learner, sink = Learner(loaders, torch.nn.Linear(3, 1), slow_loss, path="."), Kept()
            with learner.no_bar(), learner.no_logging():
                learner.fit(2, cbs=[EnergyprofCallback(log=EnergyLog([sink], every_s=0.3))])
            print(json.dumps(sink.rows))
            """,
            "torch._dynamo",
            "fastai.learner",
            "fastai.callback.progress",
        )
        step, last = rows[-1]
        assert step == 48 and len(rows) >= 3
        assert last["energyprof/j_per_sample"] == last["energyprof/energy_j"] / 48


def table(path: Path) -> list[dict[str, str]]:
    import csv

    with open(path, newline="") as file:
        return list(csv.DictReader(file))
