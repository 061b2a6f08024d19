"""Sound files that soundfile decodes (WAV, FLAC, Ogg, Opus, MP3), as one channel at the wanted rate."""

from pathlib import Path
from typing import Any, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.training.device import library

# A file that holds less than this share of what its header says was cut off.
LEAST = 0.9


def length(file: Path, rate_hz: int) -> int:
    """How many samples the file holds at ``rate_hz``, as its header says.

    Raises:
        WorkloadError: it cannot be read, or is empty.
    """
    soundfile = library("soundfile")
    try:
        found = soundfile.info(str(file))
    except (OSError, RuntimeError) as error:
        raise _unreadable(file, error) from error
    samples = resampled_length(found.frames, found.samplerate, rate_hz)
    if samples < 1:
        raise WorkloadError(f"{file} holds no sound: replace it, or leave it out")
    return samples


def read(file: Path, rate_hz: int) -> Any:
    """The sound (samples,) float32 in -1…1, all channels' mean.

    Raises:
        WorkloadError: it cannot be decoded, was cut off, or holds values that are no numbers.
    """
    soundfile, numpy = library("soundfile"), library("numpy")
    try:
        expected = soundfile.info(str(file)).frames
        samples, found_hz = soundfile.read(str(file), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise _unreadable(file, error) from error
    if len(samples) < max(1, LEAST * expected):
        raise WorkloadError(f"{file} ends after {len(samples)} of {expected} samples: replace it")
    if not numpy.isfinite(samples).all():
        raise WorkloadError(f"{file} holds samples that are not numbers: replace it")
    return library("torch").from_numpy(resampled(samples.mean(axis=1), found_hz, rate_hz))


def resampled(samples: Any, from_hz: int, to_hz: int) -> Any:
    """The sound (samples,) float32 at another rate, less what it cannot hold; by its spectrum."""
    numpy = library("numpy")
    if from_hz == to_hz:
        return samples
    count = resampled_length(len(samples), from_hz, to_hz)
    # Silence around it, so that its end does not ring into its beginning; as much of it at either rate.
    edge = from_hz // 50
    padded = numpy.pad(samples, edge)
    size = resampled_length(len(padded), from_hz, to_hz)
    spectrum = numpy.fft.rfft(padded)
    kept = numpy.zeros(size // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    found = numpy.fft.irfft(kept, size) * (size / len(padded))
    start = resampled_length(edge, from_hz, to_hz)
    return found[start : start + count].astype(numpy.float32)


def resampled_length(samples: int, from_hz: int, to_hz: int) -> int:
    """How many samples there are at another rate."""
    return samples * to_hz // from_hz


def padded(sounds: Any) -> Tuple[Any, Any]:
    """Sounds (samples,) in one tensor (n, longest), 0 behind each, and their lengths (n,) on the CPU."""
    torch = library("torch")
    whole = torch.nn.utils.rnn.pad_sequence(list(sounds), batch_first=True)
    return whole, torch.tensor([len(sound) for sound in sounds])


def _unreadable(file: Path, error: Exception) -> WorkloadError:
    said = (str(error).splitlines() or ["?"])[0].replace(str(file), "it")[:80].rstrip(".")
    return WorkloadError(f"{file} is not a readable sound ({said}): replace it")
