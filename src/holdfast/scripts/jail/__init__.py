"""The jail: where a script runs that nobody has read, and hurts nothing but its own run."""
