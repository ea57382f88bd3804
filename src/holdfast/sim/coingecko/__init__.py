"""CoinGecko over the simulated market."""

from holdfast.sim.coingecko.door import Limits, mount

__all__ = ["Limits", "mount"]
