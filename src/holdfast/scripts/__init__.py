"""What scripts and charts compute with."""
