"""The chart workspace: indicators over any series, and what a user keeps on charts."""
