"""`spadework study`: from two folders to a report, and what is refused."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from spadework.cli import main
from spadework.evaluation.study.plan import Study
from spadework.evaluation.study.store import Store
from tests.cli.small import start
from tests.evaluation.study.drawn import drawn_study


@pytest.fixture
def made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A study folder, made by the command."""
    data, good, poor = drawn_study(tmp_path, 6)
    arguments = ["--ours", str(good), "--theirs", f"poor={poor}", "--data", str(data), "--out", str(tmp_path / "study")]
    assert main(["study", "create", *arguments, "--answers", "2", "--per-worker", "4", "--our-name", "mine"]) == 0
    said = capsys.readouterr().out
    assert "6 questions x 2 answers = 12 votes" in said and "6 questions instead of 500" in said
    assert "up to 4 questions (attention checks: 1); needed are at least 3 workers" in said and "none can fail" in said
    return tmp_path / "study"


def test_create_and_report(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "report", str(made)]) == 2
    assert "no votes yet" in capsys.readouterr().err

    store = Store(made, Study.read(made))
    for _ in range(2):
        worker = store.join().number
        while upcoming := store.upcoming(worker):
            store.vote(worker, upcoming[0], store.assignment.ours(worker, upcoming[0]), 1200)
    store.close()
    assert main(["study", "report", str(made)]) == 0
    said = capsys.readouterr().out
    assert "land: how often workers preferred mine" in said and "100.00 %" in said and "8 of 12 wanted votes" in said
    assert sorted(path.name for path in (made / "report").iterdir()) == [
        "report.html",
        "report.json",
        "votes.csv",
        "votes.json",
    ]
    assert json.loads((made / "report" / "report.json").read_text())["results"][0]["votes"] == 8


def test_serve_tells_where_and_stops_with_130(made: Path) -> None:
    process = start("study", "serve", made, "--port", "0", "--links", "3")
    assert process.stdout is not None
    lines = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr and process.stderr.read()
    (address,) = [line.split()[-1] for line in lines if line.startswith("open link")]
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.status == 200
    rows = (made / "links.csv").read_text().splitlines()
    assert rows[0] == "worker,link" and len(rows) == 4 and rows[1].startswith(f"1,{address}w/")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and "error: interrupted" in errors and "Traceback" not in errors


def test_what_is_refused(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, poor, data = tmp_path / "good", tmp_path / "poor", tmp_path / "land"
    create = ["create", "--ours", str(good), "--data", str(data), "--out", str(tmp_path / "other")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = str(taken.getsockname()[1])
        for arguments, complaint in [
            ([], "there are create, serve, report"),
            (["sevre"], "did you mean 'serve'?"),
            ([*create, "--theirs", str(poor)], "expected NAME=DIR"),
            ([*create, "--theirs", f"a={poor}", f"a={poor}"], "two competitors are called 'a'"),
            ([*create, "--theirs", f"ours={poor}"], "two systems are called 'ours'"),
            ([*create, "--theirs", f"a={poor}", "--checks", "2"], "--checks 2"),
            ([*create[:-1], str(made), "--theirs", f"a={poor}"], "is there already, and not empty"),
            (["serve", str(tmp_path)], "is no study"),
            (["serve", str(made), "--port", busy], "choose another --port"),
            (["serve", str(made), "--port", "70000"], "expected 0 to 65535"),
            (["serve", str(made), "--host", "no.such.host.invalid"], "cannot listen"),
            (["serve", str(made), "--port", "0", "--no-open"], "there is no way in"),
            (["serve", str(made), "--lease", "0"], "--lease"),
            (["serve", str(made), "--links", "-1"], "--links -1"),
            (["report", str(made), "--resamples", "3"], "--resamples 3"),
        ]:
            assert main(["study", *arguments]) == 2, arguments
            assert complaint in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_create_is_quick_to_refuse_what_is_there(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    time.sleep(0.01)
    data, good, poor = (made.parent / name for name in ("land", "good", "poor"))
    arguments = ["--ours", str(good), "--theirs", f"a={poor}", "--data", str(data), "--out", str(made)]
    assert main(["study", "create", *arguments]) == 2
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
