"""The verbs of the command line: each is there, told of, and imports what it needs itself."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from spadework import cli


@pytest.mark.parametrize("verb", cli.VERBS)
def test_each_verb_is_a_function_in_a_file_of_its_name(verb: str) -> None:
    name = verb.replace("-", "_")
    assert callable(getattr(import_module(f"spadework.cli.{name}"), name))
    assert cli.__doc__ is not None and f"  spadework {verb} " in cli.__doc__


def test_a_wrong_verb_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stduio"]) == 2
    assert "did you mean 'studio'?" in capsys.readouterr().err


def test_a_verb_does_not_wait_for_what_others_need() -> None:
    asked = "import sys; from spadework.cli import main\ntry: main(['studio', '--help'])\nexcept SystemExit: pass\n"
    asked += "print({'lightning_fabric', 'torchvision', 'scipy.stats', 'torch._dynamo'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
