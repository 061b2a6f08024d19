"""Connectionist temporal classification: symbols for texts, the loss over all alignments, greedy reading.

Graves et al., 2006, ICML. Symbol 0 is the blank, unless a model has another one.
"""

from typing import Any, List, Sequence, Tuple

BLANK = 0
# The logarithm of as good as no chance; the loss stays a number.
NEVER = -1e4


def alphabet(texts: Sequence[str]) -> Tuple[str, ...]:
    """The symbols that write these texts, the blank (an empty string) first, then by code point."""
    return ("", *sorted({letter for text in texts for letter in text}))


def spelled(texts: Sequence[str], symbols: Sequence[str]) -> List[List[int]]:
    """Each text's symbols; a letter that no symbol writes is left out, so it will be an error."""
    places = {symbol: place for place, symbol in enumerate(symbols) if symbol}
    return [[places[letter] for letter in text if letter in places] for text in texts]


def padded(spelling: Sequence[Sequence[int]]) -> Tuple[Any, Any]:
    """Symbols in one tensor (n, most) int64, and how many each text has (n,)."""
    import torch

    rows = [torch.tensor(row, dtype=torch.long) for row in spelling]
    counts = torch.tensor([len(row) for row in rows])
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), counts


def least_frames(spelling: Sequence[int]) -> int:
    """How many frames a text needs: one a symbol, and a blank between two that are alike."""
    return len(spelling) + sum(a == spelling[i] for i, a in enumerate(spelling[1:]))


def loss(logits: Any, frames: Any, symbols: Any, counts: Any, blank: int = BLANK) -> Any:
    """The batch's mean loss, each clip's divided by its number of symbols.

    A clip shorter than the longest goes on with sure blanks: these change no probability, and then all clips
    are of one length, which cuDNN's deterministic loss asks for. The other on a GPU has no deterministic
    gradient. It also wants symbols one text after the other, on the CPU.

    Args:
        logits: (n, length, symbols).
        frames: (n,), how many of the length are the clip's.
        symbols: (n, most), those of each text, then anything.
        counts: (n,), how many of them are the text's.
    """
    import torch
    from torch.nn import functional

    chances = functional.log_softmax(logits.float(), dim=2)
    sure = torch.full_like(chances[0, 0], NEVER)
    sure[blank] = 0.0
    inside = torch.arange(chances.shape[1], device=chances.device)[None, :] < frames[:, None]
    whole = torch.where(inside[:, :, None], chances, sure)
    counted = counts.cpu().to(torch.int32)
    written = torch.arange(symbols.shape[1])[None, :] < counted[:, None]
    lengths = torch.full((len(chances),), chances.shape[1], dtype=torch.int32)
    texts = symbols.cpu()[written].to(torch.int32)
    return functional.ctc_loss(whole.transpose(0, 1), texts, lengths, counted, blank)


def read(logits: Any, frames: Any, symbols: Sequence[str], blank: int = BLANK) -> List[str]:
    """What each clip most probably says, frame by frame (n): repeats are one, blanks are none."""
    best = logits.argmax(dim=2).tolist()
    texts = []
    for row, count in zip(best, frames.tolist()):
        row = row[:count]
        kept = [symbol for before, symbol in zip([blank, *row], row) if symbol != before]
        texts.append("".join(symbols[symbol] for symbol in kept))
    return texts
