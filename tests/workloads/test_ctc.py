"""CTC: symbols, the loss over all alignments, greedy reading."""

from __future__ import annotations

import math

import pytest

from energyprof.workloads import ctc

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")


def test_letters_become_symbols_and_repeats_need_a_blank_between():
    symbols = ctc.alphabet(["two", "tree"])
    assert symbols == ("", "e", "o", "r", "t", "w")
    assert ctc.spelled(["tree", "zero"], symbols) == [[4, 3, 1, 1], [1, 3, 2]]
    assert [ctc.least_frames(one) for one in ([4, 3, 1, 1], [1, 1, 1], [])] == [5, 5, 0]


def test_two_frames_of_one_letter_have_three_alignments():
    # Of two frames and a letter of chance p: aa, a-, -a, so 2 p (1 - p) + p².
    p = 0.3
    logits = torch.log(torch.tensor([[[1 - p, p], [1 - p, p]]]))
    loss = ctc.loss(logits, torch.tensor([2]), torch.tensor([[1]]), torch.tensor([1]))
    assert float(loss) == pytest.approx(-math.log(2 * p * (1 - p) + p * p))


@pytest.mark.parametrize("blank", [0, 4])
def test_the_loss_and_its_gradient_are_torchs_whatever_lies_behind_a_clip(blank):
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 12, 5, generator=rng)
    frames, counts = torch.tensor([12, 9, 6]), torch.tensor([3, 4, 1])
    symbols = 1 + torch.randint(0, 3, (3, 4), generator=rng)
    mine, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = ctc.loss(mine, frames, symbols, counts, blank)
    chances = torch.log_softmax(theirs, dim=2).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(chances, symbols, frames, counts, blank)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(mine.grad, theirs.grad, atol=1e-5)
    assert mine.grad[2, 6:].abs().max() == 0


def test_repeats_are_one_letter_and_blanks_are_none_behind_the_clip_nothing():
    best = torch.tensor([[1, 1, 0, 1, 2, 2, 3, 3], [0, 0, 3, 3, 0, 1, 1, 1]])
    logits = torch.nn.functional.one_hot(best, 4).float()
    assert ctc.read(logits, torch.tensor([8, 5]), ("", "a", "b", " ")) == ["aab ", " "]
