"""The synthesizer: any label map in, its photo out."""

from __future__ import annotations

import json
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from spadework.data.label_map import photo_to_tensor
from spadework.draw import Draw
from spadework.layers.form import use_form
from spadework.layers.inference import ready_for_inference
from spadework.layers.spectral import SpectralConv2d
from spadework.model_folder import write_model
from spadework.sample import Batch
from spadework.seen_styles import SeenStyles
from spadework.semantics import Semantics
from spadework.synthesizer import Synthesizer, load, to_image
from spadework.systems import PRESETS
from spadework.systems.base import Style
from spadework.systems.spade import Spade
from tests import tiny
from tests.maps import painted, real_maps

CLOSE = {"rtol": 0.0, "atol": 1e-4}


@pytest.fixture(scope="module")
def plain() -> Synthesizer:
    """A model whose label map gives one photo."""
    return Synthesizer(tiny.lively(Spade(tiny.config(edges=True))), tiny.ONTOLOGY)


@pytest.fixture(scope="module")
def styled() -> Synthesizer:
    """A model with styles and an encoder."""
    return Synthesizer(tiny.lively(Spade(tiny.config(stem="style", encoder=True))), tiny.ONTOLOGY)


def ids(height: int = 64, width: int = 64) -> np.ndarray:
    return tiny.ONTOLOGY.to_ids(tiny.label_maps(1, height, width)[0]).numpy().astype(np.uint8)


def differ(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() > 0.01)


# Label maps.


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_sizes_that_fit_are_left_alone(plain: Synthesizer, size: tuple[int, int]) -> None:
    maps = tiny.label_maps(2, *size)
    photos = plain.batch(maps)
    assert torch.equal(photos, plain.system.synthesize(Batch(maps), None)) and photos.std() > 0.1


@pytest.mark.parametrize("size", [(50, 45), (1, 1), (33, 64)])
def test_other_sizes_are_padded_and_cropped(plain: Synthesizer, size: tuple[int, int]) -> None:
    """Padded below and on the right by repeating the last row and column."""
    maps, instances = tiny.label_maps(2, *size), tiny.label_maps(2, *size, seed=5)
    below, right = -size[0] % 32, -size[1] % 32
    padded, padded_instances = (
        F.pad(x[:, None].double(), (0, right, 0, below), mode="replicate")[:, 0].long() for x in (maps, instances)
    )
    photos = plain.batch(maps, instance_map=instances)
    whole = plain.system.synthesize(Batch(padded, instance_map=padded_instances), None)
    assert photos.shape == (2, 3, *size)
    torch.testing.assert_close(photos, whole[..., : size[0], : size[1]], **CLOSE)


def test_ids_become_class_indices(plain: Synthesizer) -> None:
    photo = plain(ids(40, 50))
    assert photo.size == (50, 40) and photo.mode == "RGB"
    assert np.array_equal(photo, to_image(plain.batch(tiny.label_maps(1, 40, 50))[0]))
    assert np.asarray(photo).std() > 10


def test_files_pictures_arrays_and_tensors(plain: Synthesizer, tmp_path: Path) -> None:
    picture = Image.fromarray(ids())
    picture.save(tmp_path / "map.png")
    np.save(tmp_path / "map.npy", ids())
    sources = [tmp_path / "map.png", str(tmp_path / "map.npy"), picture, ids().astype(np.int32), torch.tensor(ids())]
    expected = np.asarray(plain(ids()))
    for source in sources:
        assert np.array_equal(plain(source), expected), source


def test_instance_maps(plain: Synthesizer, tmp_path: Path) -> None:
    instances = np.zeros((64, 64), np.uint16)
    instances[20:40, 10:50] = 500
    Image.fromarray(instances).save(tmp_path / "instances.png")
    without, one = np.asarray(plain(ids())), np.asarray(plain(ids(), instance_map=instances))
    assert np.array_equal(plain(ids(), instance_map=tmp_path / "instances.png"), one)
    assert np.array_equal(plain(ids(), instance_map=ids()), without)
    assert not np.array_equal(one, without)
    with pytest.raises(ValueError, match=r"the instance map's size \[1, 64, 64\] is not the label map's \[1, 32, 64\]"):
        plain(ids(32, 64), instance_map=instances)


def test_unknown_ids(plain: Synthesizer, tmp_path: Path) -> None:
    wrong = ids()
    wrong[:2, :2] = 9
    Image.fromarray(wrong).save(tmp_path / "wrong.png")
    with pytest.raises(ValueError, match=r"wrong\.png: .*9"):
        plain(tmp_path / "wrong.png")


@pytest.mark.parametrize(("value", "range_"), [(5, r"0\.\.5"), (-1, r"-1\.\.")])
def test_class_indices_out_of_range(plain: Synthesizer, value: int, range_: str) -> None:
    maps = tiny.label_maps(1)
    maps[0, 0, 0] = value
    with pytest.raises(ValueError, match=rf"class indices {range_}.* this model has 0\.\.4: read it with"):
        plain.batch(maps)


@pytest.mark.parametrize("maps", [torch.zeros(1, 64, 64), torch.zeros(64, 64).long(), torch.zeros(1, 0, 4).long()])
def test_what_is_no_batch_of_label_maps(plain: Synthesizer, maps: Tensor) -> None:
    with pytest.raises(ValueError, match=r"label maps must be integers \[B, H, W\]; got torch\."):
        plain.batch(maps)


# Unlabelled pixels.


def test_unlabelled_pixels_are_filled_from_around(plain: Synthesizer) -> None:
    """A few strokes, and the map that they mean, give one photo; as a class of its own, unlabelled gives another."""
    strokes = torch.full((1, 64, 64), tiny.ONTOLOGY.unlabelled_index)
    strokes[0, 10, 20:40], strokes[0, 50, 20:40] = 1, 2
    meant = torch.ones_like(strokes)
    meant[0, 31:] = 2
    meant[0, 30] = strokes[0, 30]
    filling = Synthesizer(plain.system, plain.ontology, fill_unlabelled=True)
    photos = [filling.batch(strokes)]
    for middle in (1, 2):  # row 30 lies as near to one stroke as to the other
        meant[0, 30] = middle
        photos.append(plain.batch(meant))
    assert any(torch.equal(photos[0], photo) for photo in photos[1:])
    assert differ(photos[0], plain.batch(strokes))
    assert torch.equal(filling.fresh().batch(strokes), photos[0])
    filling.fill_unlabelled = False  # the map drawn last is not taken for the filled one
    assert torch.equal(filling.batch(strokes), plain.batch(strokes))


def test_objects_are_filled_with_their_classes(plain: Synthesizer) -> None:
    """A hole in a thing belongs to that thing: no edge runs around it."""
    labels, things = torch.ones(1, 64, 64, dtype=torch.long), torch.full((1, 64, 64), 3)
    things[0, :, 32:] = 4
    holes, gone = labels.clone(), things.clone()
    for left in (8, 44):
        holes[0, 20:30, left : left + 10], gone[0, 20:30, left : left + 10] = tiny.ONTOLOGY.unlabelled_index, 9
    filling = Synthesizer(plain.system, plain.ontology, fill_unlabelled=True)
    photo = filling.batch(holes, instance_map=gone)
    assert torch.equal(photo, plain.batch(labels, instance_map=things))
    assert differ(photo, plain.batch(labels, instance_map=gone))


def test_a_map_without_labels_stays_as_it_is(plain: Synthesizer) -> None:
    nothing = torch.full((1, 64, 64), tiny.ONTOLOGY.unlabelled_index)
    filling = Synthesizer(plain.system, plain.ontology, fill_unlabelled=True)
    assert torch.equal(filling.batch(nothing), plain.batch(nothing))


def test_whether_to_fill_is_the_models_or_ones_own_choice(tmp_path: Path) -> None:
    write_model(tmp_path, "spade", Spade(tiny.config()), tiny.ONTOLOGY)
    assert not load(tmp_path).fill_unlabelled and load(tmp_path, fill_unlabelled=True).fill_unlabelled
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "fill_unlabelled": True}))
    assert load(tmp_path).fill_unlabelled and not load(tmp_path, fill_unlabelled=False).fill_unlabelled
    (tmp_path / "config.json").write_text(json.dumps({**config, "fill_unlabelled": "yes"}))
    with pytest.raises(ValueError, match=r"config.json: fill_unlabelled is 'yes', expected true or false"):
        load(tmp_path)


# Styles seen in training.


SEEN = SeenStyles(torch.tensor([[9.0] * 6, [-9.0] * 6]), torch.full((2, 6), -1.4))
"""Two styles far from each other, of spread 0.5."""


def test_seeds_draw_from_styles_that_were_seen(styled: Synthesizer) -> None:
    seeing = Synthesizer(styled.system, styled.ontology, seen_styles=SEEN)
    drawn = [seeing.draw_style(seed) for seed in range(200)]
    vectors = torch.cat([style.vector for style in drawn if style is not None])
    assert len(vectors) == 200
    first = vectors.mean(1) > 0
    assert 70 < int(first.sum()) < 130
    for here, mean in ((first, 9.0), (~first, -9.0)):
        torch.testing.assert_close(vectors[here].mean(), torch.tensor(mean), rtol=0, atol=0.1)
        torch.testing.assert_close(vectors[here].std(), torch.tensor(0.4966), rtol=0, atol=0.05)

    maps = tiny.label_maps(1)
    photo = seeing.batch(maps, seed=5)
    assert torch.equal(photo, styled.batch(maps, style=seeing.draw_style(5)))
    assert torch.equal(photo, seeing.fresh().batch(maps, seed=5)) and differ(photo, seeing.batch(maps, seed=6))
    assert differ(photo, styled.batch(maps, seed=5))


def test_styles_drawn_in_towards_their_mean() -> None:
    """Differences from the mean shrink, and so do standard deviations."""
    drawn_in = SEEN.drawn_in(0.5)
    torch.testing.assert_close(drawn_in.mean, SEEN.mean / 2)
    torch.testing.assert_close((drawn_in.log_variance / 2).exp(), (SEEN.log_variance / 2).exp() / 2)
    shifted = SeenStyles(SEEN.mean + 3, SEEN.log_variance).drawn_in(0.5)
    torch.testing.assert_close(shifted.mean, SEEN.mean / 2 + 3)
    assert torch.equal(SEEN.drawn_in(1).mean, SEEN.mean)
    for spread in (0, -1, 1.5):
        with pytest.raises(ValueError, match=r"expected more than 0, and 1 at most"):
            SEEN.drawn_in(spread)


def test_a_seed_beside_a_photo_draws_around_the_photo(styled: Synthesizer) -> None:
    seeing = Synthesizer(styled.system, styled.ontology, seen_styles=SEEN)
    photo = np.full((64, 64, 3), 90, dtype=np.uint8)
    a, b = (np.asarray(each(ids(), style=photo, seed=3)) for each in (seeing, styled))
    assert np.array_equal(a, b)


def test_styles_that_cannot_be() -> None:
    for mean, log_variance in ((torch.zeros(6), torch.zeros(6)), (torch.zeros(2, 6), torch.zeros(2, 5))):
        with pytest.raises(ValueError, match=r"styles are numbers \[N, Z\]"):
            SeenStyles(mean, log_variance)
    with pytest.raises(ValueError, match="not finite"):
        SeenStyles(torch.full((2, 6), torch.nan), torch.zeros(2, 6))


# Seeds.


def test_seeds(styled: Synthesizer) -> None:
    maps = tiny.label_maps(1)
    photos = [styled.batch(maps, seed=seed) for seed in (0, 1, 2)]
    assert torch.equal(styled.batch(maps, seed=1), photos[1]) and torch.equal(styled.batch(maps), photos[0])
    assert differ(photos[0], photos[1]) and differ(photos[1], photos[2])
    assert np.array_equal(styled(ids(), seed=2), to_image(photos[2][0]))


def test_a_seed_per_picture(styled: Synthesizer) -> None:
    maps = tiny.label_maps(3)
    together = styled.batch(maps, seed=[4, 4, 5])
    for i, seed in enumerate([4, 4, 5]):
        torch.testing.assert_close(styled.batch(maps[i : i + 1], seed=seed), together[i : i + 1], **CLOSE)
    by_numpy = styled.batch(maps, seed=np.arange(3, 6))
    assert torch.equal(by_numpy, styled.batch(maps, seed=[3, 4, 5]))
    assert torch.equal(styled.batch(maps[:1], seed=np.int64(3)), styled.batch(maps[:1], seed=3))
    with pytest.raises(ValueError, match=r"seed 1\.5: expected an integer, or one for each label map"):
        styled.batch(maps, seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 seeds for 3 label maps: give one seed, or one for each"):
        styled.batch(maps, seed=[1, 2])


def test_one_seed_for_all(styled: Synthesizer) -> None:
    maps = tiny.label_maps(1).repeat(2, 1, 1)
    first, second = styled.batch(maps, seed=3)
    torch.testing.assert_close(first, second, **CLOSE)


@pytest.mark.parametrize("options", [{"seed": 1}, {"style": torch.zeros(6)}, {"style": Style(torch.zeros(1, 6))}])
def test_a_model_without_styles_says_so(plain: Synthesizer, options: dict[str, Any]) -> None:
    maps = tiny.label_maps(1)
    with pytest.warns(UserWarning, match="no style input: .* seed and style change nothing"):
        photo = plain.batch(maps, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(plain.batch(maps), photo)


# Styles.


def test_a_style_as_a_vector(styled: Synthesizer, tmp_path: Path) -> None:
    vector = [0.5, -1.0, 2.0, 0.0, 1.0, -0.25]
    np.save(tmp_path / "style.npy", np.array(vector))
    np.save(tmp_path / "row.npy", np.array([vector], np.float32))
    forms = [
        tuple(vector),
        np.array(vector),
        torch.tensor(vector, dtype=torch.float64),
        Style(torch.tensor([vector])),
        tmp_path / "style.npy",
        str(tmp_path / "row.npy"),
    ]
    expected = np.asarray(styled(ids(), style=vector))
    for form in forms:
        assert np.array_equal(styled(ids(), style=form), expected), form
    assert not np.array_equal(styled(ids()), expected)
    whole = styled.system.synthesize(Batch(tiny.label_maps(1)), Style(torch.tensor([vector])))
    torch.testing.assert_close(styled.batch(tiny.label_maps(1), style=torch.tensor(vector)), whole, **CLOSE)


def test_a_vector_per_picture(styled: Synthesizer) -> None:
    maps, vectors = tiny.label_maps(2), torch.randn(2, 6)
    together = styled.batch(maps, style=vectors)
    for i in range(2):
        torch.testing.assert_close(styled.batch(maps[i : i + 1], style=vectors[i]), together[i : i + 1], **CLOSE)


@pytest.mark.parametrize("shape", [(5,), (7,), (1, 5), (3, 6), (1, 1, 6), ()])
def test_a_vector_of_another_size(styled: Synthesizer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a style of this model is 6 numbers; got a vector of "):
        styled.batch(tiny.label_maps(2), style=torch.zeros(shape))


@pytest.mark.parametrize("content", ["text", "archive", "words", "photo"])
def test_a_file_that_holds_no_vector(styled: Synthesizer, tmp_path: Path, content: str) -> None:
    path = tmp_path / "style.npy"
    with path.open("wb") as file:
        if content == "text":
            file.write(b"no array")
        elif content == "archive":
            np.savez(file, style=np.zeros(6))
        else:
            np.save(file, np.array(["a"]) if content == "words" else np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"style\.npy: .*style vector"):
        styled.read_style(path)


def test_a_missing_style(styled: Synthesizer, tmp_path: Path) -> None:
    for name in ("nowhere.npy", "nowhere.png"):
        with pytest.raises(ValueError, match=rf"{name}: "):
            styled.read_style(tmp_path / name)


def photo_of_noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)


def test_the_style_of_a_photo(styled: Synthesizer, tmp_path: Path) -> None:
    Image.fromarray(photo_of_noise()).save(tmp_path / "photo.png")
    encoder = styled.system.networks["encoder"]
    mean, log_variance = encoder(photo_to_tensor(Image.fromarray(photo_of_noise()))[None])
    expected = np.asarray(styled(ids(), style=Style(mean)))
    path = tmp_path / "photo.png"
    for source in (path, str(path), Image.fromarray(photo_of_noise()), photo_of_noise()):
        assert np.array_equal(styled(ids(), style=source), expected)

    # A seed draws from the distribution around the photo.
    noise = Draw(3, [0]).normal("style", 6)
    around = Style(mean + noise * (log_variance / 2).exp())
    assert np.array_equal(styled(ids(), style=photo_of_noise(), seed=3), styled(ids(), style=around))
    assert not np.array_equal(styled(ids(), style=around), expected)


def test_encoding(styled: Synthesizer, plain: Synthesizer) -> None:
    style = styled.encode(photo_of_noise())
    assert style.vector.shape == (1, 6) and style.mean is not None and style.log_variance is not None
    with pytest.raises(ValueError, match="a photo as a tensor is ambiguous"):
        styled.encode(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="no style encoder"):
        plain(ids(), style=photo_of_noise())


# Precision and pictures.


@pytest.mark.parametrize("stem", ["label_map", "style"])
def test_bf16_is_close(stem: str) -> None:
    system, maps = tiny.lively(Spade(tiny.config(stem=stem))), tiny.label_maps(2)
    exact = Synthesizer(system, tiny.ONTOLOGY).batch(maps)
    rough = Synthesizer(system, tiny.ONTOLOGY, precision="bf16").batch(maps)
    assert rough.dtype == torch.float32 and rough.isfinite().all()
    deviation = (rough - exact).abs()
    assert 0 < deviation.mean() < 0.05 and exact.std() > 0.1


def test_an_unknown_precision() -> None:
    with pytest.raises(ValueError, match="precision 'half' is unknown; there are float32 and bf16"):
        Synthesizer(Spade(tiny.config()), tiny.ONTOLOGY, precision="half")  # type: ignore[arg-type]  # the point


def test_to_image_rounds_to_the_nearest_value() -> None:
    values = torch.tensor([-1.5, -1, -0.5, 0, 0.5, 1, 2])
    assert np.asarray(to_image(values.expand(3, 1, 7)))[0, :, 0].tolist() == [0, 0, 64, 128, 191, 255, 255]
    every = torch.arange(256).byte()
    picture = Image.fromarray(every.numpy()[None, :, None].repeat(3, 2))
    assert np.array_equal(to_image(photo_to_tensor(picture)), picture)


# Loading.


def test_loading_folds_the_spectral_norm(tmp_path: Path) -> None:
    system = tiny.lively(Spade(tiny.config(stem="style", encoder=True)))
    write_model(tmp_path / "model", "spade", system, tiny.ONTOLOGY)
    expected = system.synthesize(Batch(tiny.label_maps(1)), system.random_style(Draw(7, [0])))
    for model in (tmp_path / "model", str(tmp_path / "model")):
        loaded = load(model)
        torch.testing.assert_close(loaded.batch(tiny.label_maps(1), seed=7), expected, **CLOSE)
        assert not any(isinstance(module, SpectralConv2d) for module in loaded.system.modules())
        assert not loaded.system.training and not any(p.requires_grad for p in loaded.system.parameters())
    assert loaded.system.config == system.config


def test_generating_changes_nothing(plain: Synthesizer) -> None:
    before = {key: value.clone() for key, value in plain.system.state_dict().items()}
    plain(ids(50, 70))
    assert all(torch.equal(value, before[key]) for key, value in plain.system.state_dict().items())


# What was worked out about a map serves again.


@pytest.fixture
def ready(tmp_path: Path) -> Synthesizer:
    """A model with styles, loaded from its folder: everything by windows."""
    write_model(tmp_path / "model", "spade", tiny.lively(Spade(tiny.config(stem="style", edges=True))), tiny.ONTOLOGY)
    loaded = load(tmp_path / "model")
    use_form(loaded.system, "windows")
    return loaded


def tables(synthesizer: Synthesizer) -> dict[Any, Any]:
    assert synthesizer._last is not None
    return synthesizer._last[2].kept["semantics"]._kept


def test_other_styles_use_the_same_tables(ready: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = tiny.label_maps(2)
    first = ready.batch(maps, seed=1)
    kept = dict(tables(ready))
    assert kept
    assert differ(ready.batch(maps, seed=2), first)
    assert tables(ready) == kept and all(tables(ready)[key] is value for key, value in kept.items())
    assert torch.equal(ready.batch(maps, seed=1), first)


def test_a_map_that_was_painted_on_gives_what_it_gives_alone(ready: Synthesizer) -> None:
    maps = tiny.label_maps(1, 128, 128)
    ready.batch(maps, seed=1)
    painted = maps.clone()
    painted[:, 40:60, 30:70] = 3
    after = ready.batch(painted, seed=1)
    ready._last = None
    torch.testing.assert_close(after, ready.batch(painted, seed=1), **CLOSE)
    assert differ(after, ready.batch(maps, seed=1))


def test_a_map_changed_in_place_is_another_map(ready: Synthesizer) -> None:
    maps = tiny.label_maps(1)
    first = ready.batch(maps, seed=1)
    maps[:, :32] = 2
    assert differ(ready.batch(maps, seed=1), first)


def test_instance_maps_count(tmp_path: Path) -> None:
    write_model(tmp_path / "model", "spade", tiny.lively(Spade(tiny.config(edges=True))), tiny.ONTOLOGY)
    loaded, maps = load(tmp_path / "model"), tiny.label_maps(1)
    halves = torch.arange(64).expand(1, 64, 64) // 32
    with_edge = loaded.batch(maps, instance_map=halves)
    assert differ(with_edge, loaded.batch(maps))
    torch.testing.assert_close(loaded.batch(maps, instance_map=halves), with_edge, **CLOSE)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_every_form_gives_the_same_photo(precision: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "model", "spade", tiny.lively(Spade(tiny.config(edges=True))), tiny.ONTOLOGY)
    loaded, maps = load(tmp_path / "model", precision=precision), tiny.label_maps(2, 70, 100)
    photos = []
    for form in ("windows", "hidden", "dense"):
        use_form(loaded.system, form)
        loaded._last = None
        photos.append(loaded.batch(maps))
    for photo in photos[1:]:
        assert (photo - photos[0]).abs().max() < (1e-4 if precision == "float32" else 0.2)


@pytest.mark.slow
def test_the_released_width_gives_the_dense_photo() -> None:
    """96 million weights, real label maps, float32: within 1e-4 of the form that the paper draws."""
    torch.manual_seed(0)
    config = replace(PRESETS["spade"]["coco"].config, edges=True)
    system = Spade(config).eval().requires_grad_(False)
    for parameter in system.generator.parameters():
        parameter.normal_(0, max(1, parameter[0].numel()) ** -0.5)  # fresh weights are too small to see anything
    maps, classes = real_maps(2, 256)
    system.refresh(iter([Batch(maps[:, ::2, ::2])]))
    semantics = Semantics.from_label_map(maps, classes, edges=True)
    with torch.inference_mode():
        dense = use_form(system.generator, "dense")(semantics, (256, 256))
        ready = ready_for_inference(use_form(system.generator, "auto"))
        photo = ready(semantics, (256, 256))
    assert dense.std() > 0.01 and (photo - dense).abs().max() < 1e-4


def test_threads_that_paint_at_once_do_not_mix_their_maps(ready: Synthesizer) -> None:
    """Several people paint on maps of their own, through one model."""
    failures: list[str] = []

    def paint(person: int) -> None:
        maps = tiny.label_maps(1, seed=person)
        for stroke in range(12):
            maps = painted(maps, 5, 100 * person + stroke)
            with torch.inference_mode():
                alone = ready.system.synthesize(Batch(maps), ready.system.random_style(Draw(1, [0])))
            if differ(ready.batch(maps, seed=1), alone):
                failures.append(f"{person}: stroke {stroke}")

    people = [threading.Thread(target=paint, args=(person,)) for person in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert not failures
