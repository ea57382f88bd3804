"""Binance's spot market data over the simulated market, below ``/binance`` (the root's ``/api/v3`` is
CoinGecko's).

What is told is the same world that the other doors tell: the prices of a coin are those of the other venue's
spot pair, on the same grid.
"""
