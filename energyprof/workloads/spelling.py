"""The small recogniser, made for a corpus' own letters: log-mel, convolutions, CTC."""

from typing import Any, List, Mapping, Sequence, Tuple

from energyprof.workloads import ctc, letters
from energyprof.workloads.data import mel


class Spelling:
    """Hears log-mel spectrograms and writes letters."""

    def __init__(self, config: Mapping[str, Any], texts: Sequence[str]) -> None:
        """``config`` holds ``model`` and ``features``; the letters are those of ``texts``."""
        self._model, self._features = config["model"], config["features"]
        self.rate_hz: int = self._features["rate_hz"]
        self.symbols = ctc.alphabet(texts)

    def network(self) -> Any:
        """The model, its weights drawn from torch's global generator."""
        return letters.network(self._model, self._features["bands"], len(self.symbols))

    def fits(self, samples: int, text: str) -> bool:
        """Whether there are frames enough for the letters."""
        frames = letters.narrowed(mel.frames(samples, self._features))
        return bool(frames >= ctc.least_frames(ctc.spelled([text], self.symbols)[0]))

    def heard(self, waves: Any, lengths: Any) -> Tuple[Any, Any]:
        """Spectrograms (n, length, bands), and how many frames of the network's each clip has (n,)."""
        frames = letters.narrowed(mel.frames(lengths, self._features))
        return mel.log_mel(waves, lengths, self._features), frames.to(waves.device, non_blocking=True)

    def taught(self, texts: Sequence[str]) -> Tuple[Any, Any]:
        """Symbols (n, most) and how many each text has (n,)."""
        return ctc.padded(ctc.spelled(texts, self.symbols))

    def loss(self, model: Any, batch: Tuple[Any, Any, Any, Any]) -> Any:
        """The mean loss over all alignments."""
        spectrograms, frames, symbols, counts = batch
        return ctc.loss(model(spectrograms, frames), frames, symbols, counts)

    def said(self, model: Any, heard: Tuple[Any, Any]) -> List[str]:
        """The letters that are most probable frame by frame."""
        return ctc.read(model(*heard), heard[1], self.symbols)
