"""One of several named things; a wrong name gets the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

Choice = TypeVar("Choice")


def choose(choices: Mapping[str, Choice], name: str, what: str) -> Choice:
    """`choices[name]`; raises ValueError that names the nearest choice and all of them."""
    if name not in choices:
        near = difflib.get_close_matches(name, choices, 1, 0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"{what} {name!r} is unknown; {hint}there are {', '.join(choices)}")
    return choices[name]
