"""Orders, from shops' programs and on our own page."""
