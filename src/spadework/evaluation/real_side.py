"""What judges see of the real photos is kept beyond an evaluation: it is the same for every model.

Each set of results lies in a folder named by a hash of all that decides it; `key.json` there says what that is.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from spadework.atomic import write_json_atomic
from spadework.evaluation.blocks import BlockFolder


def default_cache() -> Path:
    """`spadework/evaluation` below the user's folder for caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spadework" / "evaluation"


def real_store(cache: Path, part: str, key: dict[str, Any]) -> BlockFolder:
    """Where the results of one part on real photos lie; another key is another folder."""
    text = json.dumps(key, sort_keys=True)
    folder = cache / f"{part}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
    if not (folder / "key.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(folder / "key.json", key)
    return BlockFolder(folder)
