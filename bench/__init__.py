"""Side-by-side measurements. Every module here with a ``main()`` is one; ratios matter, seconds do not."""
