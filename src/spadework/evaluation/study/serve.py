"""Serving a study: an address, links for workers, and a server until it is interrupted."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from spadework.atomic import write_text_atomic
from spadework.evaluation.study.plan import Study
from spadework.evaluation.study.store import LEASE, Store
from spadework.web_server import address, is_private, listen

LINKS = "links.csv"
"""Personal links, in the study folder."""


def serve(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 8100,
    *,
    url: str | None = None,
    links: int = 0,
    open_link: bool = True,
    lease: float = LEASE,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a study folder until Ctrl-C (KeyboardInterrupt) or SIGTERM.

    `url` is what workers type where that is another address than the server's own; `links` is how many personal links
    there are at least; `lease` how many seconds a question stays with a worker. Port 0 takes a free one.
    Raises ValueError for a folder that is no study, an address that cannot be had, and without FastAPI and uvicorn.
    """
    try:
        import uvicorn

        from spadework.evaluation.study.server import make_app
    except ModuleNotFoundError as error:
        raise ValueError(f"serving a study needs {error.name}: pip install 'spadework[studio]'") from None

    study = Study.read(folder)
    listening = listen(host, port)
    store = None
    try:
        base = (url or address(host, listening.getsockname()[1])).rstrip("/")
        store = Store(folder, study, lease)
        _tell(folder, study, store, base, links, open_link, say)
        app = make_app(folder, study, store, open_link=open_link, secure=base.startswith("https:"))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
        )
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
        if store is not None:
            store.close()


def _tell(
    folder: Path, study: Study, store: Store, base: str, links: int, open_link: bool, say: Callable[[str], None]
) -> None:
    """Where workers go, how far the study is, and a list of the personal links."""
    votes = sum(not study.questions[vote.question].is_check and not vote.surplus for vote in store.votes())
    say(f"{folder}: {votes} of {study.wanted} votes are there")
    workers = store.personal(links)
    if workers:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["worker", "link"])
        table.writerows([worker.number, f"{base}/w/{worker.token}"] for worker in workers)
        write_text_atomic(folder / LINKS, text.getvalue())
        say(f"{folder / LINKS}: {len(workers)} personal links, one for each worker")
    elif not open_link:
        raise ValueError("there is no way in: make personal links (--links N), or leave the open link on")
    say(f"open link, for anybody: {base}/" if open_link else "the open link is off: by personal links only")
    if not is_private(base):
        say("note: without https others on the way can read along; put a proxy with https before it")
    say("Ctrl-C stops it; started again, it goes on")
