"""The command: addresses and ports, models that are not there, Ctrl-C, and a studio with a segmenter."""

from __future__ import annotations

import base64
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spadework.cli import main
from spadework.studio import serve as serving
from spadework.studio.limits import Limits
from tests.studio.served import Served, pixels, png


def test_the_next_free_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(serving, "PORT", port)
        with serving._listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != port
        with pytest.raises(ValueError, match="another --port"):
            serving._listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "no/where"], "no/where"),
        (["--token", "abc"], "8 or more"),
        (["--max-pixels", "0"], "--max-pixels 0"),
        (["--port", "70000"], "0 to 65535"),
        (["--host", "192.0.2.1"], "--host"),  # nobody's address
        (["--mode", "x"], "--model"),
    ],
)
def test_wrong_options_are_told(
    model: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(model)]
    try:
        code = main(["studio", "--no-browser", *arguments])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]
    assert code == 2 and words in "".join(capsys.readouterr())


def test_without_a_shipped_model_it_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(name: object) -> Path:
        raise ValueError("nothing there")

    monkeypatch.setattr("spadework.cli.studio.find_model", nothing)
    assert main(["studio", "--no-browser"]) == 2
    told = capsys.readouterr().err
    assert "spadework terrain" in told and "spadework train spade" in told and "--model" in told


def test_limits_have_to_be_positive() -> None:
    for name in vars(Limits()):
        with pytest.raises(ValueError, match=f"--{name.replace('_', '-')}"):
            Limits(**{name: 0}).check()


@pytest.mark.slow
def test_ctrl_c_stops_it_with_130_also_while_somebody_paints(model: Path) -> None:
    from websockets.sync.client import connect

    with Served("--model", model) as served, connect(served.live, close_timeout=0):
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 130
    assert not [line for line in served.said if "Traceback" in line]


@pytest.mark.slow
def test_elsewhere_a_token_is_made_up(model: Path) -> None:
    with Served("--model", model, "--host", "0.0.0.0") as served:
        assert "?token=" in served.url and len(served.url.partition("=")[2]) >= 20
        assert served.get("/v1/model").status == 401
        assert served.get(f"/v1/model?token={served.url.partition('=')[2]}").status == 303
        assert any("https" in line for line in served.said)


@pytest.mark.slow
def test_a_photo_becomes_a_label_map(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("segmentation_models_pytorch", reason="it comes with the extra `eval`")
    from spadework.data.ontology import Ontology
    from spadework.segmenters.own import OwnSegmenter
    from spadework.segmenters.own_network import OwnConfig
    from tests.drawn_segmenter import ENCODER

    names, ids = ("Sky", "lake", "zebra"), (1, 2, 3)
    classes = [{"id": id, "name": name} for id, name in zip(ids, names, strict=True)]
    segmenter = OwnSegmenter(OwnConfig(names, ids, architecture="fpn", encoder=ENCODER, height=32, width=32)).eval()
    segmenter.write(tmp_path / "segmenter", Ontology.from_json({"name": "x", "classes": classes}), {}, "")
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    small = photo.copy()
    small.thumbnail((64, 64))
    expected = np.array([0, 7, 255])[segmenter.label(small).numpy() - 1]
    with Served("--model", model, "--segmenter", tmp_path / "segmenter") as served:
        assert served.get("/v1/model").json()["segmenter"] == "segmenter"
        found = served.form("/v1/segment", {"photo": png(photo)}).json()
        np.testing.assert_array_equal(pixels(base64.b64decode(found["label_map"])), expected)
        assert found["size"] == [48, 64] and found["form"] == "segmented"
        assert bool(found["notes"]) == bool((expected == 255).any())
