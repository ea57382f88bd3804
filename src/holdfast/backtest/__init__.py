"""Back-tests: what a script or signals would have done with past bars."""
