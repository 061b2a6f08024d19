"""What turns sound into text: a model, what it hears of a clip, and how it is taught and asked."""

from typing import Any, List, Protocol, Sequence, Tuple


class Recogniser(Protocol):
    """One kind of model; ``heard`` is what it takes of a batch: sound or spectra, and each clip's length."""

    rate_hz: int  # of the sound that it hears

    def network(self) -> Any:
        """The model, in float32; what no checkpoint holds is drawn from torch's global generator.

        Raises:
            WorkloadError: the weights cannot be loaded.
        """
        ...

    def fits(self, samples: int, text: str) -> bool:
        """Whether a clip of so many samples is neither too long for the model nor too short for its text."""
        ...

    def heard(self, waves: Any, lengths: Any) -> Tuple[Any, Any]:
        """What is heard of waves (n, samples), whose lengths are on the CPU, and lengths (n,) beside it."""
        ...

    def taught(self, texts: Sequence[str]) -> Tuple[Any, Any]:
        """Texts as the model's symbols (n, most) int64, and how many each has (n,)."""
        ...

    def loss(self, model: Any, batch: Tuple[Any, Any, Any, Any]) -> Any:
        """The mean loss of a batch: what is heard, its lengths, symbols, their counts."""
        ...

    def said(self, model: Any, heard: Tuple[Any, Any]) -> List[str]:
        """What the model takes it for, of each clip."""
        ...
