"""The rules of the house that a machine can check: imports, sizes, docstrings, changelog, no traces of a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "spadework"

# Part of the package -> the parts it may import. "spadework" is the package's own __init__.py.
MAY_IMPORT: dict[str, set[str]] = {
    "sample": set(),
    "draw": set(),
    "atomic": set(),
    "choose": set(),
    "lock": {"atomic"},
    "checkpoints": {"atomic"},
    "interruptions": set(),
    "workers": set(),
    "log": {"atomic"},
    "windows": set(),
    "regions": set(),
    "semantics": {"windows"},
    "precision": set(),
    "contact_sheet": set(),
    "web_page": set(),
    "web_server": set(),
    "losses": {"precision"},
    "layers": {"layers", "semantics", "windows", "precision"},
    "systems": {"systems", "layers", "losses", "semantics", "regions", "sample", "draw"},
    "data": {"data", "regions", "choose", "sample", "draw", "atomic", "lock", "web_page", "workers"},
    "terrain": {"terrain", "data", "draw", "atomic", "lock", "workers"},
    "upstream": {"upstream"},
    "segmenters": {"segmenters", "layers", "upstream", "data", "atomic", "choose", "checksum"},
    "hardware": set(),
    "checksum": set(),
    "shipped_models": set(),
    "seen_styles": {"systems", "draw"},
    "model_folder": {"systems", "data", "atomic", "shipped_models", "seen_styles", "draw"},
    "model_facts": {"model_folder", "shipped_models", "systems", "data"},
    "shipping": {
        *("shipping", "conversion_files", "training", "synthesizer", "model_folder", "systems", "data", "sample"),
        *("seen_styles", "atomic", "log", "checksum"),
    },
    "synthesizer": {
        *("model_folder", "seen_styles", "systems", "layers", "semantics", "data", "regions", "sample", "draw"),
        "hardware",
    },
    "training": {
        *("training", "synthesizer", "model_folder", "systems", "layers", "data"),
        *("sample", "draw", "atomic", "lock", "checkpoints", "interruptions", "log", "contact_sheet"),
        *("hardware", "web_page", "choose"),
    },
    "evaluation": {
        *("evaluation", "synthesizer", "systems", "segmenters", "data", "sample", "draw", "atomic", "choose"),
        *("model_folder", "web_page", "web_server", "lock", "checkpoints", "interruptions", "log"),
        *("hardware", "checksum"),
    },
    "studio": {
        *("studio", "synthesizer", "model_folder", "segmenters", "systems", "layers", "semantics", "windows", "data"),
        *("draw", "web_server", "checksum"),
    },
    "conversion_config": {"systems", "data", "upstream"},
    "conversion_files": {"training", "model_folder", "systems", "upstream", "atomic"},
    "conversion_oasis_config": {"conversion_config", "systems", "data", "upstream"},
    "conversion_oasis": {
        *("conversion_oasis_config", "conversion_config", "conversion_files"),
        *("model_folder", "systems", "data", "upstream", "atomic"),
    },
    "conversion": {
        *("conversion_oasis", "conversion_config", "conversion_files"),
        *("model_folder", "systems", "data", "upstream", "atomic"),
    },
    "spadework": {"synthesizer", "systems"},
    "cli": {
        *("cli", "conversion", "conversion_config", "layers", "segmenters"),
        *("training", "evaluation", "studio", "terrain", "synthesizer", "model_folder", "systems", "data", "upstream"),
        *("spadework", "sample", "draw", "atomic", "choose", "contact_sheet", "model_facts", "shipping", "hardware"),
    },
    "__main__": {"cli"},
}

# The first pattern that fits a file (relative to the package) gives its longest allowed length in lines.
LONGEST: dict[str, int] = {
    "cli/*.py": 200,
    "training/loop.py": 200,
    "systems/*.py": 400,
    "layers/*.py": 250,
}

# Folders with text of our own; files at the top of the repository come with them.
OWN_TEXT = ("src", "tests", "docs", "examples", "benchmarks", ".ci")
TEXT_SUFFIXES = {"", ".py", ".md", ".toml", ".yml", ".yaml", ".json", ".txt", ".js", ".css", ".html", ".typed"}

# Absolute paths of one machine, and numbers of some tracker instead of what a change does.
TRACES = re.compile(
    r"(?<![\w.:/*~-])/(?:work|root|tmp|home|mnt|opt)/[\w.]|\b(?:issue|session|ticket|task) #?\d+\b", re.IGNORECASE
)


# Imports: who imports whom.


def module_name(file: Path, package: Path) -> str:
    """The dotted name of a module of the package."""
    parts = [package.name, *file.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(file: Path, package: Path) -> set[str]:
    """Dotted names of our own modules that a file imports, wherever the statement stands in it."""
    found: set[str] = set()
    here = module_name(file, package).split(".")
    folder = here if file.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
            # `from package import name`: the name is a module, or something that the package itself defines.
            found |= {f"{origin}.{a.name}" if is_module(f"{origin}.{a.name}", package) else origin for a in node.names}
    return {name for name in found if name.split(".")[0] == package.name}


def is_module(name: str, package: Path) -> bool:
    path = package.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def part(name: str) -> str:
    """The part of the house that a module belongs to: its first name below the package."""
    return name.split(".")[1] if "." in name else name


def wrong_arrows(package: Path) -> list[str]:
    """Imports that the table, or one of the finer rules below it, forbids."""
    wrong = []
    names = {module_name(file, package): imported_modules(file, package) for file in sorted(package.rglob("*.py"))}
    for name, imports in names.items():
        if part(name) not in MAY_IMPORT:
            wrong.append(f"{name} is a new part of the house: add it to MAY_IMPORT and to docs/architecture.md")
            continue
        allowed = MAY_IMPORT[part(name)]
        for other in sorted(imports):
            if part(other) not in allowed:
                wrong.append(f"{name} imports {other}, but {part(name)} may import only {sorted(allowed)}")
            elif other == f"{package.name}.training.loop" and part(name) != "cli":
                wrong.append(f"{name} imports {other}, which only cli may import")
            elif part(name) == "segmenters" and part(other) == "data" and name != f"{package.name}.segmenters.load":
                wrong.append(f"{name} imports {other}: segmenters are handed the names of classes, by segmenters.load")
    return wrong + deep_systems(names, package.name)


def deep_systems(names: dict[str, set[str]], package: str) -> list[str]:
    """A system may build on another one, but not on one that itself builds on a third."""
    prefix = f"{package}.systems."
    shared = {f"{prefix}base"}
    builds_on: dict[str, set[str]] = {}
    for name, imports in names.items():
        if name.startswith(prefix) and name not in shared:
            name = name.removesuffix("_presets")  # settings that stand beside their system are part of it
            others = {other.removesuffix("_presets") for other in imports if other.startswith(prefix)}
            builds_on[name] = builds_on.get(name, set()) | others - shared - {name}
    return [
        f"{name} builds on {other}, which builds on {third}: one step deep at most"
        for name, others in builds_on.items()
        for other in sorted(others)
        for third in sorted(builds_on.get(other, set()))
    ]


def plant(folder: Path, files: dict[str, str]) -> Path:
    """A package called spadework with the given files."""
    package = folder / "spadework"
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def test_imports_point_down() -> None:
    assert sorted(PACKAGE.rglob("*.py")), "no sources found: is the package where it should be?"
    assert wrong_arrows(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "statement", "complaint"),
    [
        ("layers/modulation.py", "from spadework.systems.spade import Spade", "layers may import only"),
        ("layers/modulation.py", "import spadework.systems.spade as spade", "layers may import only"),
        ("layers/modulation.py", "from ..systems import spade", "layers may import only"),
        ("layers/modulation.py", "def f():\n    from spadework import systems", "layers may import only"),
        ("layers/__init__.py", "from ..data import folder", "layers may import only"),
        ("data/folder.py", "from spadework.semantics import Semantics", "data may import only"),
        ("upstream/spade.py", "from spadework import sample", "upstream may import only"),
        ("upstream/spade.py", "from spadework import __version__", "imports spadework, but upstream"),
        ("training/run.py", "from .loop import train", "only cli may import"),
        ("training/run.py", "from spadework.training import loop", "only cli may import"),
        ("synthesizer.py", "from spadework.training.run import Run", "synthesizer may import only"),
        ("segmenters/drn.py", "from spadework.data import folder", "handed the names of classes"),
        ("systems/spade.py", "if TYPE_CHECKING:\n    import spadework.data.folder", "systems may import only"),
        ("helpers.py", "import torch", "new part of the house"),
    ],
)
def test_a_wrong_import_is_caught(tmp_path: Path, file: str, statement: str, complaint: str) -> None:
    modules = ["systems/spade.py", "sample.py", "data/folder.py", "training/loop.py", "training/__init__.py"]
    package = plant(tmp_path, {**dict.fromkeys(modules, ""), file: statement})
    assert [line for line in wrong_arrows(package) if complaint in line] == wrong_arrows(package) != []


def test_right_imports_pass(tmp_path: Path) -> None:
    files = {
        "sample.py": "import torch",
        "data/__init__.py": "from .folder import FolderDataset",
        "data/folder.py": "from spadework.sample import Sample\nfrom spadework import draw",
        "systems/base.py": "from spadework.sample import Batch",
        "systems/spade.py": "from .base import System",
        "systems/clade.py": "from spadework.systems.spade import Spade\nfrom .base import System",
        "cli.py": "from spadework.training.loop import train",
        "training/loop.py": "from .run import Run",
        "training/run.py": "import json",
        "draw.py": "",
    }
    assert wrong_arrows(plant(tmp_path, files)) == []


def test_a_system_two_steps_deep_is_caught(tmp_path: Path) -> None:
    files = {
        "systems/spade.py": "from .base import System",
        "systems/clade.py": "from .spade import Spade",
        "systems/other.py": "from .clade import Clade",
        "systems/base.py": "",
    }
    (complaint,) = wrong_arrows(plant(tmp_path, files))
    assert "systems.other builds on spadework.systems.clade, which builds on spadework.systems.spade" in complaint


# Files: names, sizes, docstrings.


def too_long(package: Path) -> list[str]:
    """Files over the length that LONGEST allows them."""
    wrong = []
    for file in sorted(package.rglob("*.py")):
        limit = next((lines for pattern, lines in LONGEST.items() if file.relative_to(package).match(pattern)), None)
        length = len(file.read_text().splitlines())
        if limit is not None and length > limit:
            wrong.append(f"{file.relative_to(package)}: {length} lines, {limit} allowed: split an idea out, by name")
    return wrong


def without_docstring(package: Path) -> list[str]:
    """Public modules that do not say what they are."""
    files = [file for file in sorted(package.rglob("*.py")) if file.name == "__init__.py" or file.name[0] != "_"]
    return [str(file.relative_to(package)) for file in files if not ast.get_docstring(ast.parse(file.read_text()))]


def misnamed(package: Path) -> list[str]:
    """Files whose name says nothing."""
    names = {"utils", "util", "helpers", "helper", "common", "misc"}
    return [str(path.relative_to(package)) for path in sorted(package.rglob("*")) if path.stem in names]


def test_files_are_short() -> None:
    assert too_long(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "limit"),
    [("cli/train.py", 200), ("training/loop.py", 200), ("systems/spade.py", 400), ("layers/blocks.py", 250)],
)
def test_a_long_file_is_caught(tmp_path: Path, file: str, limit: int) -> None:
    assert too_long(plant(tmp_path, {file: "x = 1\n" * limit})) == []
    (complaint,) = too_long(plant(tmp_path, {file: "x = 1\n" * (limit + 1)}))
    assert f"{file}: {limit + 1} lines" in complaint


def test_public_modules_have_docstrings() -> None:
    assert without_docstring(PACKAGE) == []


def test_a_missing_docstring_is_caught(tmp_path: Path) -> None:
    files = {"sample.py": "x = 1", "_inner.py": "", "data/__init__.py": "import os", "draw.py": '"""Random numbers."""'}
    assert without_docstring(plant(tmp_path, files)) == ["data/__init__.py", "sample.py"]


def test_file_names_say_something() -> None:
    assert misnamed(PACKAGE) == []


def test_utils_is_caught(tmp_path: Path) -> None:
    package = plant(tmp_path, {"data/utils.py": "", "helpers/x.py": "", "draw.py": ""})
    assert misnamed(package) == ["data/utils.py", "helpers"]


def tree_in(text: str) -> set[str]:
    """The files that the tree in docs/architecture.md names, relative to the package."""
    lines = text.partition("    src/spadework/\n")[2].partition("\n\n")[0].splitlines()
    files: set[str] = set()
    folders: dict[int, str] = {}
    for line in lines:
        name, indent = line.split()[0], len(line) - len(line.lstrip())
        folders = {depth: folder for depth, folder in folders.items() if depth < indent}
        if name.endswith("/"):
            folders[indent] = name
        else:
            files.add("".join(folders.values()) + name)
    return files


def modules(package: Path) -> set[str]:
    """The files of the package that the tree names: all but the folders' __init__.py."""
    files = {file.relative_to(package).as_posix() for file in package.rglob("*.py")}
    return {file for file in files if not file.endswith("/__init__.py")}


def test_the_tree_in_the_documentation_is_true() -> None:
    named, present = tree_in((ROOT / "docs" / "architecture.md").read_text()), modules(PACKAGE)
    assert present - named == set(), "name these files in the tree of docs/architecture.md"
    assert named - present == set(), "docs/architecture.md names files that do not exist"


def test_a_wrong_tree_is_caught(tmp_path: Path) -> None:
    inside = "      data/\n        doctor/\n          look.py  a pair\n        folder.py  pairs\n"
    text = f"# A\n\n    src/spadework/\n{inside}      draw.py    Draw\n\n    other.py\n"
    assert tree_in(text) == {"data/doctor/look.py", "data/folder.py", "draw.py"}
    package = plant(tmp_path, {"data/__init__.py": "", "data/folder.py": "", "draw.py": "", "new.py": ""})
    assert modules(package) - tree_in(text) == {"new.py"}


# The repository: changelog, no traces of a machine, what a wheel holds.


def heading_of(version: str, changelog: str) -> str | None:
    """The changelog's heading for a version."""
    found = re.search(rf"^## {re.escape(version)}(?: .*)?$", changelog, re.MULTILINE)
    return found and found[0]


def own_text_files(root: Path) -> Iterable[Path]:
    """Our own text files: those at the top of the repository and in OWN_TEXT."""
    below = [file for folder in OWN_TEXT for file in sorted((root / folder).rglob("*"))]
    for file in [*sorted(root.glob("*")), *below]:
        if file.is_file() and file.suffix in TEXT_SUFFIXES and "__pycache__" not in file.parts:
            yield file


def traces(root: Path) -> list[str]:
    """Lines that name a path of one machine, or the circumstances of writing."""
    return [
        f"{file.relative_to(root)}:{number}: {line.strip()[:100]}"
        for file in own_text_files(root)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if TRACES.search(line) and file != Path(__file__).resolve()
    ]


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    heading = heading_of(version, (ROOT / "CHANGELOG.md").read_text())
    assert heading is not None, f"CHANGELOG.md has no heading ## {version}"


def test_a_missing_version_is_caught() -> None:
    changelog = "# Changelog\n\n## 0.1.0 (unreleased)\n\n- 0.2.0 will follow\n"
    assert heading_of("0.1.0", changelog) == "## 0.1.0 (unreleased)"
    assert heading_of("0.2.0", changelog) is None
    assert heading_of("0.1", changelog) is None


def test_no_traces_of_a_machine() -> None:
    names = {str(file.relative_to(ROOT)) for file in own_text_files(ROOT)}
    assert {"Makefile", "pyproject.toml", ".ci/run", "src/spadework/draw.py", "docs/architecture.md"} <= names
    assert traces(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("src/spadework/draw.py", 'path = "/mnt/data"'),
        ("docs/index.md", "see `/opt/venv` for it"),
        ("tests/test_x.py", "open('/home/me/x')"),
        ("Makefile", "\t/home/me/bin/python"),
        (".ci/run", "# see ticket 12"),
        ("docs/labels.md", "as in issue #12"),
    ],
)
def test_a_trace_is_caught(tmp_path: Path, file: str, line: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"fine\n{line}\n")
    assert traces(tmp_path) == [f"{file}:2: {line.strip()}"]


def test_harmless_lines_pass(tmp_path: Path) -> None:
    harmless = ["https://example.org/home/x", "../shared/data", "runs/tmp/x", "A studio session. A task."]
    (tmp_path / "README.md").write_text("\n".join(harmless))
    assert traces(tmp_path) == []


@pytest.mark.slow
def test_the_wheel_holds_what_users_need(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed here; it comes with the extra `dev`")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", str(ROOT), *options], check=True)
    (wheel,) = tmp_path.glob("spadework-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    suffixes = ("py", "json", "css", "js", "html", "svg", "sql")
    files = [file for suffix in suffixes for file in PACKAGE.rglob(f"*.{suffix}")]
    files += [file for file in (PACKAGE / "models").rglob("*") if file.is_file()]
    sources = {f"spadework/{file.relative_to(PACKAGE).as_posix()}" for file in files}
    assert sources | {"spadework/py.typed"} <= set(names)
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]
