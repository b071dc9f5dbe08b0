"""The API: photos are the library's own, label maps of any form, styles of any kind, errors that help."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from websockets.sync.client import connect

import spadework
from spadework.data.ontology import Ontology
from spadework.studio.shared_model import Made, SharedModel
from spadework.systems.base import Style
from tests import tiny
from tests.studio.served import (
    InThread,
    Served,
    ids,
    live_map,
    picture_of,
    pixels,
    png,
    text,
    tiny_model,
    tiny_oasis_model,
)


@pytest.fixture(scope="module")
def synthesizer(model: Path) -> spadework.Synthesizer:
    return spadework.load(model)


def a_photo(seed: int = 0, width: int = 50, height: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_the_model_is_described(served: Served, model: Path) -> None:
    about = served.get("/v1/model").json()
    assert about["name"] == "tiny" and about["system"] == "spade" and about["size"] == [64, 64]
    assert [each["id"] for each in about["ontology"]["classes"]] == [0, 3, 7, 20]
    assert about["ontology"]["unlabelled"] == [255] == [about["ontology"]["unlabelled_id"]]
    assert about["style"] == {"size": 6, "encoder": True, "regional": False}
    assert about["palettes"]["own"]["255"] == [0, 0, 0] and set(about["palettes"]) == {"own", "safe"}
    assert len(about["hash"]) == 64 and about["segmenter"] is None and about["version"] == spadework.__version__
    assert about["limits"]["max_pixels"] == 1024**2 and about["milliseconds"] > 0


def test_examples_are_label_maps(served: Served) -> None:
    for example in served.get("/v1/model").json()["examples"]:
        answer = served.get(example["url"])
        assert answer.heads["content-type"] == "image/png"
        label_map = pixels(answer.content)
        assert label_map.shape == (64, 64) and len(set(label_map.ravel().tolist()) & {0, 3, 7, 20, 255}) > 1


def test_thumbnails_are_pictures_of_their_styles(served: Served) -> None:
    thumbnails = served.get("/v1/model").json()["thumbnails"]
    shown = [served.get(each["picture_url"]).content for each in thumbnails[:2]]
    assert all(pixels(content).shape == (64, 64, 3) for content in shown) and shown[0] != shown[1]
    assert served.get("/v1/styles/Seed%200/vector").status == 404


def test_another_model_has_other_thumbnails_at_the_same_address(served: Served, tmp_path: Path) -> None:
    address = "/v1/styles/Seed%200/picture"
    shown = served.get(address)
    assert shown.heads["cache-control"] == "no-cache"  # A browser asks each time,
    again = served.get(address, **{"If-None-Match": shown.heads["etag"]})
    assert again.status == 304 and not again.content  # and is sent only what it does not have.
    with InThread(tiny_model(tmp_path / "other", generator_width=6)) as other:
        fresh = other.get(address, **{"If-None-Match": shown.heads["etag"]})
    assert fresh.status == 200 and (pixels(fresh.content) != pixels(shown.content)).any()


@pytest.mark.parametrize("size", [(64, 64), (40, 72), (1, 1)])
def test_a_photo_is_as_the_library_makes_it(
    served: Served, synthesizer: spadework.Synthesizer, size: tuple[int, int]
) -> None:
    label_map = ids(3, *size)
    expected = np.asarray(synthesizer(label_map, seed=5))
    answer = served.post("/v1/generate", {"label_map": text(png(label_map)), "style": {"seed": 5}})
    assert answer.status == 200 and answer.heads["content-type"] == "image/png"
    assert float(answer.heads["x-spadework-milliseconds"]) > 0
    np.testing.assert_array_equal(pixels(answer.content), expected)
    again = served.form("/v1/generate", {"label_map": png(label_map), "style": '{"seed": 5}'})
    np.testing.assert_array_equal(pixels(again.content), expected)


def test_json_is_answered_to_those_who_accept_it(served: Served, synthesizer: spadework.Synthesizer) -> None:
    style = {"vector": [0.5, -1, 0, 2, 0.25, 1]}
    asked = {"label_map": text(png(ids())), "style": style, "format": "jpeg"}
    answer = served.post("/v1/generate", asked, Accept="application/json").json()
    assert answer["style"] == style and answer["format"] == "jpeg" and answer["size"] == [64, 64]


    shown = pixels(base64.b64decode(answer["picture"])).astype(int)
    expected = np.asarray(synthesizer(ids(), style=style["vector"])).astype(int)
    assert np.abs(shown - expected).mean() < 12  # Noise is hard on JPEG.


def test_without_a_style_it_is_seed_0(served: Served) -> None:
    label_map = text(png(ids()))
    answers = [
        served.post("/v1/generate", {"label_map": label_map, **more}).content
        for more in ({}, {"style": None}, {"style": {}}, {"style": {"seed": 0}})
    ]
    assert len(set(answers)) == 1 and answers[0] != served.post(
        "/v1/generate", {"label_map": label_map, "style": {"seed": 1}}
    ).content


def test_a_photo_lends_its_style(served: Served, synthesizer: spadework.Synthesizer) -> None:
    photo = a_photo()
    vector = served.form("/v1/style/encode", {"photo": png(photo)}).json()["vector"]
    bare = served.ask("POST", "/v1/style/encode", png(photo), {"Content-Type": "image/png"}).json()["vector"]
    encoded = synthesizer.encode(photo)
    assert vector == bare == pytest.approx(encoded.vector[0].tolist(), rel=1e-5)
    answer = served.post("/v1/generate", {"label_map": text(png(ids())), "style": {"photo": text(png(photo))}})
    np.testing.assert_array_equal(pixels(answer.content), np.asarray(synthesizer(ids(), style=encoded)))
    around = served.post(
        "/v1/generate", {"label_map": text(png(ids())), "style": {"photo": text(png(photo)), "seed": 2}}
    )
    np.testing.assert_array_equal(pixels(around.content), np.asarray(synthesizer(ids(), style=photo, seed=2)))


def test_between_two_styles(served: Served) -> None:
    def vector(style: object) -> list[float]:
        asked = {"label_map": text(png(ids())), "style": style}
        found: list[float] = served.post("/v1/generate", asked, Accept="application/json").json()["style"]["vector"]
        return found

    a, b = {"seed": 1}, {"vector": [1.0, 0, 0, 0, 0, 0]}
    assert vector({"mix": {"a": a, "b": b, "t": 0}}) == pytest.approx(vector(a), abs=1e-6)
    assert vector({"mix": {"a": a, "b": b, "t": 1}}) == pytest.approx(vector(b), abs=1e-6)
    middle = np.array(vector({"mix": {"a": a, "b": b, "t": 0.5}}))
    lengths = [np.linalg.norm(vector(one)) for one in (a, b)]
    assert np.linalg.norm(middle) == pytest.approx(sum(lengths) / 2, rel=1e-5)


def test_another_size_repeats_and_leaves_out(served: Served, synthesizer: spadework.Synthesizer) -> None:
    label_map = ids(1)
    asked = {"label_map": text(png(label_map)), "size": [32, 128]}
    shown = pixels(served.post("/v1/generate", asked).content)
    resized = label_map[1::2].repeat(2, 1)
    np.testing.assert_array_equal(shown, np.asarray(synthesizer(resized, seed=0)))


def test_label_maps_of_any_form(served: Served) -> None:
    label_map = ids(2)
    colors = tiny.ONTOLOGY.colorize(tiny.ONTOLOGY.to_index(label_map)).numpy()
    palette = Image.fromarray(label_map, "P")
    palette.putpalette([0, 0, 0] * 256)
    soft = colors.copy()
    soft[:8, :8] += 1
    gray = np.dstack([label_map] * 3)
    opaque = np.dstack([gray, np.full_like(label_map, 255)])
    npy, tiff = io.BytesIO(), io.BytesIO()
    np.save(npy, label_map.astype(np.int32))
    Image.fromarray(label_map.astype(np.uint16)).save(tiff, "TIFF")
    forms = {
        "ids": [png(label_map), tiff.getvalue(), png(gray), png(opaque)],
        "palette": [png(palette)],
        "colors": [png(colors), png(soft)],
        "npy": [npy.getvalue()],
    }
    for form, files in forms.items():
        for content in files:
            answer = served.form("/v1/label-map", {"file": content})
            assert answer.status == 200, answer.content
            found = answer.json()
            assert found["form"] == form and found["size"] == [64, 64]


            np.testing.assert_array_equal(pixels(base64.b64decode(found["label_map"])), label_map)
            snapped = 64 / 4096 if content == forms["colors"][1] else 0
            assert found["snapped"] == snapped and bool(found["notes"]) == bool(snapped)


def test_a_label_map_that_is_too_large_is_reduced_and_says_so(served: Served) -> None:
    large = np.zeros((2000, 1500), np.uint8)
    found = served.form("/v1/label-map", {"file": png(large)}).json()
    assert found["size"] == [1182, 886] and "reduced from 1500x2000" in found["notes"][0]


def test_unknown_ids_are_named(served: Served) -> None:
    answer = served.form("/v1/label-map", {"file": png(np.full((8, 8), 9, np.uint8))})
    assert answer.status == 422 and "9" in answer.error["message"] and "tiny" in answer.error["message"]


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ({"vector": [1.0, 2.0]}, "6 numbers"),
        ({"seed": 1, "vector": [0.0] * 6}, "give one of them"),
        ({"sead": 1}, "sead"),
        ({"photo": "!!"}, "base64"),
        ({"photo": text(b"GIF89a")}, "no picture"),
        ({"mix": {"a": {"seed": 1}, "b": {"seed": 2}, "t": 1.5}}, "less than or equal to 1"),
        ({"regions": {"map": text(png(0 * ids())), "vectors": [[0.0] * 6]}}, "one style for the whole"),
    ],
)
def test_a_wrong_style_is_told(served: Served, style: object, words: str) -> None:
    answer = served.post("/v1/generate", {"label_map": text(png(ids())), "style": style})
    assert answer.status in (415, 422) and words in answer.error["message"], answer.content


def test_styles_by_region(tmp_path: Path) -> None:
    folder = tiny_oasis_model(tmp_path / "oasis")
    label_map, regions = ids(4), np.zeros((64, 64), np.uint8)
    regions[:, 32:] = 1
    vectors = [[0.5] * 6, [-1.0] * 6]
    style = Style(torch.tensor(vectors), regions=torch.from_numpy(regions.astype(np.int64)))
    expected = np.asarray(spadework.load(folder)(label_map, style=style))
    with InThread(folder) as served:
        assert served.get("/v1/model").json()["style"] == {"size": 6, "encoder": False, "regional": True}
        region_map = text(png(regions))
        asked = {"label_map": text(png(label_map)), "style": {"regions": {"map": region_map, "vectors": vectors}}}
        answer = served.post("/v1/generate", asked)
        assert answer.status == 200, answer.content
        np.testing.assert_array_equal(pixels(answer.content), expected)
        small = {"map": text(png(regions[:8])), "vectors": vectors}
        wrong = served.post("/v1/generate", {**asked, "style": {"regions": small}})
        assert wrong.status == 422 and "64x8" in wrong.error["message"]
        one = {"map": region_map, "vectors": vectors[:1]}
        few = served.post("/v1/generate", {**asked, "style": {"regions": one}})
        assert few.status == 422 and "0..1" in few.error["message"]
        assert served.form("/v1/style/encode", {"photo": png(a_photo())}).error["code"] == "no_encoder"


def test_without_a_segmenter_it_says_how_to_get_one(served: Served) -> None:
    answer = served.form("/v1/segment", {"photo": png(a_photo())})
    assert answer.status == 404 and "--segmenter" in answer.error["cure"]


def test_the_document_describes_every_address(served: Served) -> None:
    document = served.get("/openapi.json").json()
    assert set(document["paths"]) == {
        *("/v1/model", "/v1/generate", "/v1/style/encode", "/v1/label-map", "/v1/segment", "/v1/why", "/v1/figure3"),
        *("/v1/examples/{name}", "/v1/styles/{name}/picture", "/v1/styles/{name}/vector"),
    }
    whole = json.dumps(document)
    named = {part.split('"')[0] for part in whole.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["description"] and operation["responses"]["422"]["content"]["application/json"]


def test_the_page_and_its_files(served: Served) -> None:
    kinds = {"/": "text/html", "/static/app/main.js": "text/javascript", "/static/icon.svg": "image/svg"}
    for path, kind in kinds.items():
        answer = served.get(path)
        if answer.status == 404 and path != "/":
            pytest.skip(f"{path} is not written yet")
        assert answer.heads["content-type"].startswith(kind) and answer.heads["cache-control"] == "no-cache"
        again = served.get(path, **{"If-None-Match": answer.heads["etag"]})
        assert again.status == 304 and not again.content
    policy = served.get("/").heads["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


def test_ontologies_of_other_kinds(tmp_path: Path) -> None:
    from spadework.studio.examples import SCENES, draw

    names = ("water", "sky", "tree", "grass", "mountain")
    known = Ontology.from_json({"name": "x", "classes": [{"id": 2 * i, "name": n} for i, n in enumerate(names)]})
    lake = draw(SCENES["Lake"], known, (60, 90))
    assert lake.shape == (60, 90) and set(lake.unique().tolist()) == set(range(5))
    assert lake[0, 0] == names.index("sky") and lake[40, 50] == names.index("water")
    lonely = Ontology.from_json({"name": "x", "classes": [{"id": 7, "name": "thing"}]})
    assert set(draw(SCENES["Coast"], lonely, (8, 8)).unique().tolist()) == {0}


def test_what_its_client_gave_up_is_not_computed(model: Path) -> None:
    begun, gate = threading.Event(), threading.Event()
    asked: list[float] = []
    with InThread(model) as served:
        compute = served.studio.model.generate

        def slow(client: str, index: Tensor, style: Style | None, instance_map: Tensor | None = None) -> Made:
            assert style is not None
            asked.append(float(style.vector[0]))
            begun.set()
            gate.wait(60)
            return compute(client, index, style, instance_map)

        served.studio.model.generate = slow  # type: ignore[method-assign]
        body = [{"label_map": text(png(ids())), "style": {"vector": [float(n)] * 6}} for n in range(3)]
        first = threading.Thread(target=served.post, args=["/v1/generate", body[0]])
        first.start()
        assert begun.wait(60)
        content = json.dumps(body[1]).encode()
        head = f"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        with socket.create_connection(("127.0.0.1", served.port)) as given_up:
            given_up.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + content)
            while not served.studio.turns.waiting:
                time.sleep(0.01)
        last = threading.Thread(target=served.post, args=["/v1/generate", body[2]])
        last.start()
        while served.studio.turns.waiting < 2:
            time.sleep(0.01)
        gate.set()
        first.join(60)
        last.join(60)
    assert asked == [0, 2]


def test_a_model_that_fails_does_not_end_the_studio(model: Path) -> None:
    with InThread(model) as served:
        compute = served.studio.model.generate

        def broken(*arguments: object) -> Made:
            raise RuntimeError("a secret of the house")

        asked = {"label_map": text(png(ids()))}
        served.studio.model.generate = broken  # type: ignore[method-assign]
        answer = served.post("/v1/generate", asked)
        assert answer.status == 500 and answer.error["code"] == "failed" and b"secret" not in answer.content
        with connect(served.live) as connection:
            connection.send(live_map(ids(), 4))
            told = json.loads(connection.recv(60))
            assert told["type"] == "error" and told["sequence"] == 4 and "secret" not in told["message"]
            served.studio.model.generate = compute  # type: ignore[method-assign]
            connection.send(live_map(ids(), 5))
            assert picture_of(connection.recv(60))[0]["sequence"] == 5
        assert served.post("/v1/generate", asked).status == 200


def test_memory_for_others_is_bounded(model: Path) -> None:
    """What is kept for the next stroke: of the last clients, as far as the bound allows."""
    shared = SharedModel(spadework.load(model), kept_pixels=3 * 64 * 64)
    index = tiny.ONTOLOGY.to_index(ids())
    for client in "abcdef":
        shared.generate(client, index, None)
    assert [key[0] for key in shared._kept] == ["d", "e", "f"]
    shared.generate("d", index, None)
    shared.generate("g", index, None)
    assert [key[0] for key in shared._kept] == ["f", "d", "g"]
    shared.forget("f")
    assert [key[0] for key in shared._kept] == ["d", "g"]


def test_previews_are_for_slow_models(model: Path) -> None:
    shared = SharedModel(spadework.load(model), kept_pixels=10**6)
    shared.seconds_per_pixel = 0.2 / 64**2
    assert shared.preview_side((64, 64)) is None
    shared.seconds_per_pixel = 4.0 / 1024**2
    assert shared.preview_side((1024, 1024)) == 177 and shared.preview_size((512, 1024), 177) == (96, 192)
    assert shared.preview_side((64, 64)) is None
    assert shared.preview("a", tiny.ONTOLOGY.to_index(ids(0, 128, 256)), None, 128).photo.size == (128, 64)


def test_styles_and_examples_beside_a_model_are_offered(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "land")
    for kind in ("styles", "examples"):
        (folder / kind).mkdir()
    vector = np.arange(6, dtype=np.float32)
    np.save(folder / "styles" / "Style 01.npy", vector)
    np.save(folder / "styles" / "Style 02.npy", -vector)
    np.save(folder / "styles" / "other model.npy", np.zeros(5, np.float32))
    a_photo().save(folder / "styles" / "Style 01.jpg")
    (folder / "examples" / "Bay.png").write_bytes(png(ids(7, 20, 30)))
    (folder / "examples" / "broken.png").write_bytes(b"broken")
    with InThread(folder) as served:
        about = served.get("/v1/model").json()
        assert [each["name"] for each in about["thumbnails"]] == ["Style 01", "Style 02"]
        assert about["examples"] == [{"name": "Bay", "url": "/v1/examples/Bay.png"}]
        np.testing.assert_array_equal(pixels(served.get("/v1/examples/Bay.png").content), ids(7, 20, 30))
        first, second = about["thumbnails"]
        assert served.get(first["vector_url"]).json()["vector"] == vector.tolist()
        assert served.get(first["picture_url"]).content == (folder / "styles" / "Style 01.jpg").read_bytes()
        assert pixels(served.get(second["picture_url"]).content).shape == (64, 64, 3)
