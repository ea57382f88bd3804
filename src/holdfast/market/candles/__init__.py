"""Candles: history in and out, the store, gaps, and the answers charts are drawn from."""
