"""The language of scripts: what a script sees, and what comes out of it. Pure."""
