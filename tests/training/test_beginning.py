"""Fine-tuning: trained weights under other classes, at other sizes, with parts kept as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from spadework.atomic import write_json_atomic
from spadework.cli import main
from spadework.data.ontology import Ontology
from spadework.draw import Draw
from spadework.model_folder import write_model, write_weights
from spadework.sample import Batch, Sample
from spadework.systems import PRESETS, SYSTEMS
from spadework.systems.base import Progress, System, for_classes
from spadework.training import samples
from spadework.training.beginning import Beginning, Begun, begin
from spadework.training.class_matching import class_places, match_classes
from spadework.training.freezing import freeze
from spadework.training.origin import Origin, read_origin
from spadework.training.run import Run
from spadework.training.state import inference_networks
from tests.cli.small import train_arguments
from tests.training.test_loop import CONFIG, RECIPE, STYLED, assert_same, last_state, learn

MakeFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def few_pictures_for_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "REFRESH", 4)


def ontology(*names: str, unlabelled: bool = True) -> Ontology:
    classes = [{"id": id, "name": name} for id, name in enumerate(names)]
    return Ontology.from_json({"name": "o", "classes": classes, "unlabelled": [255] if unlabelled else []})


OLD = ontology("sky", "grass", "house", "road")
NEW = ontology("road", "lake", "Sky", "house", "meadow")
"""What the same classes are called and where they stand; lake and meadow are new."""
TO_OLD = [3, None, 0, 2, None, 4]
"""Class index of NEW -> class index of OLD."""

VARIETIES: dict[str, tuple[str, dict[str, Any]]] = {
    "spade": ("spade", {}),
    "spade with edges": ("spade", {"edges": True}),
    "spade by concatenation": ("spade", {"conditioning": "concat", "edges": True}),
    "spade, residual discriminator": ("spade", {"discriminator": "residual"}),
    "spade, spade discriminator": ("spade", {"discriminator": "spade"}),
    "clade": ("clade", {"edges": True}),
    "clade with positions": ("clade", {"positions": True, "unlabelled": -1}),
    "oasis": ("oasis", {"style_size": 3, "discriminator_layers": 3, "label_mix_weight": 0.0}),
}
SMALL = {"height": 32, "width": 32, "generator_width": 2, "hidden": 4, "discriminator_width": 4}


def small(variety: str, classes: int, seed: int = 0) -> System:
    """With weights that are no start's: all lively, spectral norms settled."""
    name, changes = VARIETIES[variety]
    config = PRESETS[name]["tiny"].config
    wanted = {**SMALL, "discriminator_layers": 2, **changes}
    known = {key: value for key, value in wanted.items() if hasattr(config, key)}
    torch.manual_seed(seed)
    make: Any = SYSTEMS[name]
    system: System = make(for_classes(replace(config, **known), classes, None))
    generator = torch.Generator().manual_seed(seed)
    for parameter in system.parameters():
        fan_in = max(1, parameter[0].numel())
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
    for module in system.modules():
        if hasattr(module, "settle"):
            module.settle(200)
    return system


def origin_of(system: System, classes: Ontology = OLD, name: str = "spade", place: str = "old") -> Origin:
    networks = {network: dict(module.state_dict()) for network, module in system.networks.items()}
    with torch.device("meta"):
        bare = type(system)(system.config)  # type: ignore[call-arg]
    return Origin(place, name, bare, classes, networks)


def photos_of(system: System, label_map: Tensor) -> Tensor:
    samples = [Sample(one, "x", torch.zeros(3, *one.shape)) for one in label_map]
    batch = Batch.collate([system.complete(sample, Draw(0, [0])) for sample in samples])
    return system.synthesize(batch, system.random_style(Draw(0, range(len(batch)))))


def losses_of(system: System, label_map: Tensor) -> dict[str, float]:
    photo = torch.rand(len(label_map), 3, *label_map.shape[1:], generator=torch.Generator().manual_seed(5)) * 2 - 1
    samples = [Sample(one, "x", photo[i]) for i, one in enumerate(label_map)]
    batch = Batch.collate([system.complete(sample, Draw(0, [0])) for sample in samples])
    found: dict[str, Tensor] = {}
    for _, losses in system.turns(batch, Progress(0, 10), Draw(0, range(len(batch)))):
        found |= {name: loss.detach() for name, loss in losses.items()}
    return {name: float(loss) for name, loss in found.items()}


# Classes.


def test_classes_are_matched_by_name() -> None:
    sources = match_classes(NEW, OLD, {"lake": "sky"})
    assert [source.origin for source in sources] == [3, 0, 0, 2, None, 4]
    assert [source.by for source in sources] == ["name", "like", "name", "name", "new", "name"]
    with pytest.raises(ValueError, match=r"class of the data 'laek' is unknown; did you mean 'lake'"):
        match_classes(NEW, OLD, {"laek": "sky"})
    with pytest.raises(ValueError, match=r"class to start from 'skyy' is unknown; did you mean 'sky'"):
        match_classes(NEW, OLD, {"lake": "skyy"})


def test_unlabelled_is_unlabelled_whatever_its_place() -> None:
    listed = Ontology.from_json(
        {"name": "l", "classes": [{"id": 0, "name": "void"}, {"id": 1, "name": "sky"}], "unlabelled": [0]}
    )
    assert [source.origin for source in match_classes(listed, OLD, {})] == [4, 0]
    assert [source.origin for source in match_classes(OLD, listed, {})] == [1, None, None, None, 0]
    assert [source.origin for source in match_classes(OLD, ontology("sky", unlabelled=False), {})][4] is None


@pytest.mark.parametrize("variety", VARIETIES)
def test_the_same_scene_under_other_indices_gives_the_same_photo(variety: str) -> None:
    """Also every loss is the same: discriminators know the classes again, too."""
    classes, to_old = NEW, TO_OLD
    if variety in ("spade by concatenation", "oasis"):
        # Spectral norm divides by all classes' weights, softmax by the sum over all: none may come or go.
        classes, to_old = ontology("road", "sky", "grass", "house"), [3, 0, 1, 2, 4]
    old, new = small(variety, OLD.channels), small(variety, classes.channels, seed=1)
    begun = begin(new, classes, origin_of(old, name=VARIETIES[variety][0]), Beginning("old"))
    assert [source.origin for source in begun.classes] == to_old

    # Only classes that both know.
    known = torch.tensor([index for index, source in enumerate(to_old) if source is not None])
    of_new = known[torch.randint(len(known), (2, 8, 8), generator=torch.Generator().manual_seed(3))]
    of_new = of_new.repeat_interleave(4, 1).repeat_interleave(4, 2)
    of_old = torch.tensor([-1 if source is None else source for source in to_old])[of_new]
    torch.testing.assert_close(losses_of(new, of_new), losses_of(old, of_old), rtol=2e-4, atol=2e-4)
    new.eval(), old.eval()
    torch.testing.assert_close(photos_of(new, of_new), photos_of(old, of_old), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("variety", VARIETIES)
def test_the_rest_is_taken_and_new_classes_begin_anew(variety: str) -> None:
    old, new, fresh = small(variety, 5), small(variety, 6, seed=1), small(variety, 6, seed=1)
    places = class_places(new)
    assert places
    begin(new, NEW, origin_of(old, name=VARIETIES[variety][0]), Beginning("old", like={"lake": "grass"}))
    for network, module in new.networks.items():
        before, start = old.networks[network].state_dict(), fresh.networks[network].state_dict()
        for key, value in module.state_dict().items():
            name = f"{network}.{key}"
            if name not in places:
                assert key.endswith(("weight_u", "weight_v")) or torch.equal(value, before[key]), name
                continue
            at, first, each = places[name].dimension, places[name].first, places[name].each
            for index, source in enumerate([3, 1, 0, 2, None, 4]):
                block = value.narrow(at, first + each * index, each)
                from_where = (start, index) if source is None else (before, source)
                assert torch.equal(block, from_where[0][key].narrow(at, first + each * from_where[1], each)), name


def test_every_weight_that_sees_the_map_has_places() -> None:
    places = class_places(small("spade", 5))
    assert {place.dimension for place in places.values()} == {1}
    assert {name for name in places if name.startswith("discriminator")} == {
        *(f"discriminator.scales.{scale}.layers.0.conv.weight" for scale in range(2))
    }
    oasis = class_places(small("oasis", 5))
    assert oasis["generator.stem.weight"].first == 3
    assert oasis["discriminator.to_logits.weight"].first == oasis["discriminator.to_logits.bias"].first == 1


# Sizes.


@pytest.mark.parametrize(("width", "height"), [(96, 64), (32, 96), (64, 64)])
def test_a_style_keeps_its_photos_at_another_size(width: int, height: int) -> None:
    """What the old model makes at the new size is what the new one begins with."""
    torch.manual_seed(0)
    changes = {"stem": "style", "style_size": 6, "height": 64, "width": 32, "norm": "instance"}
    old: Any = type(small("spade", 5))(replace(CONFIG, **changes))  # type: ignore[call-arg]
    new: Any = type(old)(replace(CONFIG, **{**changes, "height": height, "width": width}))
    begun = begin(new, OLD, origin_of(old), Beginning("old"))
    label_map = torch.randint(5, (2, height, width))
    old.eval(), new.eval()
    torch.testing.assert_close(photos_of(new, label_map), photos_of(old, label_map), rtol=1e-4, atol=1e-5)
    assert "2 resized" in begun.networks["generator"]


# What does not fit.


def refusal(**changes: Any) -> str:
    torch.manual_seed(0)
    old, new = small("spade", 5), type(small("spade", 5))(replace(small("spade", 5).config, **changes))  # type: ignore
    before = {key: value.clone() for key, value in new.state_dict().items()}
    with pytest.raises(ValueError) as caught:
        begin(new, OLD, origin_of(old), Beginning("old"))
    assert_same(before, dict(new.state_dict()))
    return str(caught.value)


def test_a_misfit_names_layer_shapes_and_cure() -> None:
    message = refusal(generator_width=4, learning_rate=0.1)
    assert "old: generator.stem.weight has shape [32, 5, 3, 3] there, [64, 5, 3, 3] here (and" in message
    assert "give --generator-width 2, or let what differs begin anew: --fresh generator" in message
    assert "learning" not in message
    assert "is only here" in refusal(discriminator_scales=3) and "--discriminator-scales 2" in refusal(
        discriminator_scales=3
    )
    assert "is only there" in refusal(discriminator_scales=1)
    assert "--no-edges" in refusal(edges=True)


def test_what_does_not_fit_can_begin_anew() -> None:
    old = small("spade", 5)
    new: Any = type(old)(replace(old.config, discriminator_scales=3))  # type: ignore[call-arg]
    before = {key: value.clone() for key, value in new.discriminator.state_dict().items()}
    begun = begin(new, OLD, origin_of(old), Beginning("old", fresh=["discriminator"]))
    assert_same(dict(new.discriminator.state_dict()), before)
    assert torch.equal(new.generator.to_photo.weight, old.get_parameter("generator.to_photo.weight"))
    assert begun.networks["discriminator"] == "begins anew"
    with pytest.raises(ValueError, match="--fresh discriminatr: no weight is called so"):
        begin(new, OLD, origin_of(old), Beginning("old", fresh=["discriminatr"]))


def test_another_system_is_refused() -> None:
    with pytest.raises(ValueError, match=r"old is a model of clade, whose networks are others: train clade"):
        begin(small("spade", 5), OLD, origin_of(small("clade", 5), name="clade"), Beginning("old"))


def test_the_table_tells_all() -> None:
    old, new = small("spade", 5), small("spade", 6)
    origin = replace(origin_of(old), networks={"generator": dict(old.networks["generator"].state_dict())}, images=40)
    begun: Begun = begin(new, NEW, origin, Beginning("old", like={"lake": "grass"}))
    text = "\n".join(" ".join(line.split()) for line in begun.lines())
    assert "starts from old (spade, 40 images)" in text
    assert "\nroad road\nlake grass (as --like says)\nSky sky\n" in text
    assert "\nmeadow begins anew\n" in text and "discriminator: begins anew: old has none" in text
    assert "left behind" not in text
    assert "left behind: grass" in "\n".join(begin(new, NEW, origin, Beginning("old")).lines())
    json.dumps(begun.to_json())


# Where weights come from.


def test_a_model_folder_may_hold_more_than_its_model(tmp_path: Path) -> None:
    """A discriminator beside it; a generator beside its average; numbers in half precision."""
    system = small("spade", 5)
    write_model(tmp_path / "m", "spade", system, OLD)
    assert read_origin(tmp_path / "m").networks.keys() == {"generator"}

    write_weights(tmp_path / "m/discriminator.safetensors", {"discriminator": system.networks["discriminator"].half()})
    trained = small("spade", 5, seed=9)
    write_weights(tmp_path / "m/generator.safetensors", {"generator": trained.networks["generator"]})
    origin = read_origin(tmp_path / "m")
    assert origin.networks.keys() == {"generator", "discriminator"} and origin.averages.keys() == {"generator"}
    assert_same(origin.networks["generator"], dict(trained.networks["generator"].state_dict()))
    assert_same(origin.averages["generator"], dict(system.networks["generator"].state_dict()))
    assert {t.dtype for t in origin.networks["discriminator"].values() if t.is_floating_point()} == {torch.float32}

    other = small("spade", 6)
    write_weights(tmp_path / "m/discriminator.safetensors", {"discriminator": other.networks["discriminator"]})
    with pytest.raises(ValueError, match=r"discriminator\.safetensors: its discriminator does not fit the config"):
        read_origin(tmp_path / "m")


def test_a_run_gives_all_its_networks_and_its_average(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    learn(data, tmp_path / "old", 4, config=STYLED, recipe=replace(RECIPE, average=0.9))
    old = last_state(tmp_path / "old")
    origin = read_origin(tmp_path / "old")
    assert origin.images == 4 and origin.updates == 2
    for network, state in old["networks"].items():
        assert_same(dict(origin.networks[network]), dict(state))

    # No image later, the new run stands where the old one stood: weights, and the average with its count.
    still = replace(RECIPE, average=0.9)
    learn(
        data,
        tmp_path / "new",
        2,
        config=replace(STYLED, learning_rate=0.0),
        recipe=still,
        beginning=Beginning(str(tmp_path / "old")),
    )
    new = last_state(tmp_path / "new")
    assert new["average"]["updates"] == 3
    for network in old["networks"]:
        for key, value in new["networks"][network].items():
            follows = key.endswith(("weight_u", "weight_v", "running_mean", "running_var", "num_batches_tracked"))
            assert follows or torch.equal(value, old["networks"][network][key]), key
    average = old["average"]["weights"]["generator.to_photo.weight"]
    decay = min(0.9, 4 / 13)
    expected = decay * average + (1 - decay) * old["networks"]["generator"]["to_photo.weight"]
    torch.testing.assert_close(new["average"]["weights"]["generator.to_photo.weight"], expected)


# Whole trainings.


def other_classes(data: Path) -> Path:
    """The folder's label maps under other names."""
    ontology = json.loads((data / "ontology.json").read_text())
    for entry, name in zip(ontology["classes"], ("road", "lake", "sky", "house"), strict=True):
        entry["name"] = name
    write_json_atomic(data / "ontology.json", ontology)
    return data


def test_resume_goes_on_from_its_own_checkpoint(make_folder: MakeFolder, tmp_path: Path) -> None:
    """Bit for bit, though the model that it began with is gone."""
    learn(make_folder("one"), tmp_path / "old", 4)
    data = other_classes(make_folder("two"))
    beginning = Beginning(str(tmp_path / "old"), {"lake": "grass"})
    learn(data, tmp_path / "whole", 8, beginning=beginning)
    learn(data, tmp_path / "parts", 4, beginning=beginning)
    for file in sorted((tmp_path / "old").rglob("*")):
        file.is_file() and file.unlink()
    learn(data, tmp_path / "parts", 8, resume=True)
    assert_same(last_state(tmp_path / "whole"), last_state(tmp_path / "parts"))
    classes = {"road": "road", "lake": "grass", "sky": "sky", "house": "house", "unlabelled": "unlabelled"}
    started = Run(tmp_path / "parts").read_config()["started_from"]
    assert started == {"from": str(tmp_path / "old"), "images": 4, "classes": classes}


def test_a_kill_before_the_first_checkpoint_does_not_forget_the_beginning(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    learn(make_folder("one"), tmp_path / "old", 4)
    data = make_folder("two")
    learn(data, tmp_path / "run", 4, beginning=Beginning(str(tmp_path / "old")))
    for checkpoint in Run(tmp_path / "run").checkpoints():
        checkpoint.unlink()
    with pytest.raises(ValueError, match=r"was to start from .*old and has no checkpoint yet: give --start-from again"):
        learn(data, tmp_path / "run", 4, resume=True)
    learn(data, tmp_path / "run", 4, resume=True, beginning=Beginning(str(tmp_path / "old")))


def test_a_wrong_beginning_leaves_nothing(make_folder: MakeFolder, tmp_path: Path) -> None:
    data = make_folder()
    with pytest.raises(ValueError, match="expected a model folder or a run folder"):
        learn(data, tmp_path / "new", 4, beginning=Beginning(str(tmp_path / "nowhere")))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("names", [["discriminator"], ["generator", "encoder.mean"], ["generator.blocks.0"]])
def test_what_is_frozen_stays_to_the_last_bit(make_folder: MakeFolder, tmp_path: Path, names: list[str]) -> None:
    """Statistics and power iterations included, in the average and in the finished model, too; the rest learns."""
    data, recipe = make_folder(), replace(RECIPE, average=0.9)
    learn(data, tmp_path / "old", 4, config=STYLED, recipe=recipe)
    old = last_state(tmp_path / "old")
    beginning = Beginning(str(tmp_path / "old"))
    learn(data, tmp_path / "new", 12, config=STYLED, recipe=recipe, beginning=beginning, frozen=names)
    new = last_state(tmp_path / "new")
    for network, state in new["networks"].items():
        for key, value in state.items():
            name = f"{network}.{key}"
            same = torch.equal(value, old["networks"][network][key])
            if any(name.startswith(f"{prefix}.") for prefix in names):
                assert same, name
                if name in new["average"]["weights"]:
                    assert torch.equal(new["average"]["weights"][name], old["average"]["weights"][name]), name
            elif key.endswith("weight"):
                assert not same, name

    # Norms in the finished model keep their statistics; it is whole.
    model = load_file(tmp_path / "new/model.safetensors")
    for name in model:
        if any(name.startswith(f"{prefix}.") for prefix in names) and name.endswith("running_var"):
            assert torch.equal(model[name], old["average"]["weights"][name])

    # Resumed without the same --freeze it is another training.
    with pytest.raises(ValueError, match=r"frozen was \["):
        learn(data, tmp_path / "new", 14, config=STYLED, recipe=recipe, resume=True)
    learn(data, tmp_path / "parts", 6, config=STYLED, recipe=recipe, beginning=beginning, frozen=names)
    learn(data, tmp_path / "parts", 12, config=STYLED, recipe=recipe, resume=True, frozen=names)
    assert_same(last_state(tmp_path / "parts"), new)


def test_wrong_names_to_freeze() -> None:
    system = small("spade", 5)
    with pytest.raises(ValueError, match=r"--freeze generatr: no weight is called so; give generator, discriminator"):
        freeze(system, ["generatr"])
    with pytest.raises(ValueError, match="nothing is left to learn"):
        freeze(system, ["generator", "discriminator"])
    assert all(parameter.requires_grad for parameter in system.parameters())
    assert system.frozen == () and inference_networks(system)


def test_from_the_command_line(
    make_folder: MakeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = make_folder("one"), other_classes(make_folder("two"))

    def run(data: Path, name: str, *more: str) -> tuple[int, str, str]:
        code = main(train_arguments(data, tmp_path / name, 4, *more))
        return code, *capsys.readouterr()

    assert run(one, "old")[0] == 0
    old = str(tmp_path / "old")
    code, output, errors = run(
        two, "new", "--start-from", old, "--like", "lake=grass", "--freeze", "generator.blocks.0"
    )
    assert code == 0, errors
    assert "grass  (as --like says)" in output

    code, _, errors = run(two, "other", "--start-from", old, "--like", "lake")
    assert code == 2 and "--like lake: expected NEW=OLD" in errors and not (tmp_path / "other").exists()
    code, _, errors = run(two, "other", "--like", "lake=grass")
    assert code == 2 and "give --start-from MODEL, too" in errors
