"""What every test may use."""

from __future__ import annotations

from hypothesis import settings

# Machines differ in speed: a slow example is no failure.
settings.register_profile("spadework", deadline=None, print_blob=True)
settings.load_profile("spadework")
