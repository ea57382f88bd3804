"""Random numbers by address: the same (seed, level, stream, index) always gives the same number.

A counter-based generator makes every moment of the simulated market reachable at random, without replaying
what came before it. The mixer is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_STREAM_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_INDEX_STEP: Final = np.uint64(0xD1B54A32D192ED03)
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def _mix(words: _Words) -> _Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Noise:
    """``level`` names a use of randomness, so that two uses never share their numbers."""

    def __init__(self, seed: int) -> None:
        self._seed = (seed * 0x9E3779B97F4A7C15 + 0x1F123BB5) & _MASK

    def words(self, level: int, stream: npt.ArrayLike, index: npt.ArrayLike) -> _Words:
        """64 random bits for every (stream, index), broadcast against each other."""
        key = _mix(np.array([(self._seed + level * 0xA24BAED4963EE407) & _MASK], dtype=np.uint64))[0]
        streams = np.asarray(stream, dtype=np.int64).astype(np.uint64)
        indices = np.asarray(index, dtype=np.int64).astype(np.uint64)
        with np.errstate(over="ignore"):
            return _mix(_mix(streams * _STREAM_STEP + key) + indices * _INDEX_STEP)

    def uniform(self, level: int, stream: npt.ArrayLike, index: npt.ArrayLike) -> Floats:
        """Uniform in the open interval (0, 1)."""
        return _unit(self.words(level, stream, index) >> np.uint64(12), 52)

    def normal(self, level: int, stream: npt.ArrayLike, index: npt.ArrayLike, *, tail: float = 0.0) -> Floats:
        """Unit variance; ``tail`` above 0 mixes in a lognormal scale, which fattens the tails
        (kurtosis 3·exp(4·tail²)). Box-Muller gives two independent normals: the value and its scale."""
        words = self.words(level, stream, index)
        radius = np.sqrt(-2.0 * np.log(_unit(words >> np.uint64(32), 32)))
        angle = 2.0 * np.pi * _unit(words & np.uint64(0xFFFFFFFF), 32)
        value: Floats = radius * np.cos(angle)
        if tail:
            value = value * np.exp(tail * radius * np.sin(angle) - tail * tail)
        return value


def _unit(words: _Words, bits: int) -> Floats:
    return (words.astype(np.float64) + 0.5) * 2.0**-bits
