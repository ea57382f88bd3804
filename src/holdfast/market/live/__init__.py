"""Bars while they form: from the venues' streams through the store and Redis to whoever watches a chart."""
