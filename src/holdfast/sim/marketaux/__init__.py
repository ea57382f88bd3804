"""Marketaux, news with sentiment, about the simulated coins."""

from holdfast.sim.marketaux.door import Plan, mount

__all__ = ["Plan", "mount"]
