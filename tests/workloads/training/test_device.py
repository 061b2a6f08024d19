"""What a device lacks, in one line: the GPU, the precision, the memory, the library."""

import sys

import pytest

from energyprof.workload import Settings, WorkloadError
from energyprof.workloads.training import device

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(device="cpu", precision="fp16"), "needs a GPU"),
        (Settings(device="cpu", precision="tf32"), "needs a GPU"),
        (Settings(device="cuda:99"), "no GPU 99"),
        (Settings(device="abacus"), "unknown device 'abacus'"),
        (Settings(device="meta"), "not supported"),
    ],
    ids=str,
)
def test_what_the_device_cannot_do_is_one_line(settings, words):
    with pytest.raises(WorkloadError, match=words) as error:
        device.set_up(device.torch_device(settings.device), settings.precision)
    assert "\n" not in str(error.value)


def test_out_of_memory_names_the_batch_size_and_other_errors_pass():
    cpu = torch.device("cpu")
    with (
        pytest.raises(
            WorkloadError, match="out of memory on cpu at batch size 64: use a smaller --batch-size"
        ),
        device.one_line(cpu, 64),
    ):
        torch.empty(2**50)
    with pytest.raises(RuntimeError, match="must match the size"), device.one_line(cpu, 64):
        torch.ones(2) + torch.ones(3)


def test_a_loader_that_was_killed_is_one_line():
    with (
        pytest.raises(WorkloadError, match=r"^a process that loads data died \(.*killed") as error,
        device.one_line(torch.device("cpu"), 2),
    ):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.\nMore lines.")
    assert "\n" not in str(error.value)


def test_several_processes_need_as_many_gpus(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1000")
    with pytest.raises(WorkloadError, match=r"1000 processes but .* use --nproc"):
        device.torch_device("cuda")
    with pytest.raises(WorkloadError, match="use --device cuda, or --nproc 1"):
        device.torch_device("cuda:0")


def test_processes_of_other_nodes_need_no_gpu_of_this_one(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1001")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    with pytest.raises(WorkloadError, match=r"^1000 processes but"):
        device.torch_device("cuda")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    monkeypatch.setenv("LOCAL_RANK", "999")
    with pytest.raises(WorkloadError, match=r"^no GPU 999 here"):
        device.torch_device("cuda")


def test_a_missing_library_names_the_extra():
    with pytest.raises(WorkloadError, match=r"no_such_library.*energyprof\[workloads\]"):
        device.library("no_such_library")


def test_a_library_that_does_not_go_with_the_others_says_why(tmp_path, monkeypatch):
    (tmp_path / "too_new.py").write_text("raise ImportError('peft>=0.17.0 is required')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WorkloadError, match=r"^too_new, .*\(peft>=0.17.0 is required\): install versions"):
        device.library("too_new")


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (AssertionError("expected size 4==4, stride 16==1 at dim=1"), "do without --compile"),
        (RuntimeError("prelu: Got BFloat16 and Float"), "use --precision fp32"),
    ],
    ids=["compiled code", "two types"],
)
def test_what_an_old_torch_cannot_do_is_one_line(raised, words):
    with pytest.raises(WorkloadError, match=words), device.one_line(torch.device("cpu"), 2):
        raise raised


def test_why_a_model_cannot_be_compiled_is_told():
    failed = type("BackendFailed", (RuntimeError,), {"__module__": "torch._dynamo.exc"})
    with (
        pytest.raises(WorkloadError, match=r"\(No working C\+\+ compiler found\): do without --compile"),
        device.one_line(torch.device("cpu"), 2),
    ):
        raise failed("backend='inductor' raised:\nNo working C++ compiler found\n\nmore")


def test_tf32_is_allowed_and_forbidden_by_whichever_switch_this_torch_has():
    cudnn = torch.backends.cudnn
    for allowed in (True, False):
        device._allow_tf32(torch, allowed)
        switch = cudnn.conv.fp32_precision if hasattr(cudnn, "conv") else cudnn.allow_tf32
        assert switch in ((True, "tf32") if allowed else (False, "ieee"))


@pytest.mark.parametrize(
    ("module", "extra"), [("peft", "lora"), ("datasets", "data"), ("monai.losses", "workloads")]
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    monkeypatch.delitem(sys.modules, "monai.losses", raising=False)
    with pytest.raises(WorkloadError, match=rf"is not installed: pip install 'energyprof\[{extra}\]'"):
        device.library(module)
