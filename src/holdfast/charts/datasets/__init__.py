"""A user's own bars and signals: uploaded, checked row by row, charted like any other."""
