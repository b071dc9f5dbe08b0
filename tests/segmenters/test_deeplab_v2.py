"""DeepLabV2: its size, its weights' names, its three scales."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import resnet101

from spadework.segmenters.deeplab_v2 import DeepLabV2, normalize
from tests.goldens.fill import check_value, fill_network
from tests.segmenters.narrow import deeplab, filled, photos


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def test_it_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        segmenter = DeepLabV2(names(182))
    pyramid = sum(parameter.numel() for parameter in segmenter.base.aspp.parameters())
    assert (sum(parameter.numel() for parameter in segmenter.parameters()), pyramid) == (55_919_384, 13_419_224)
    assert len(segmenter.state_dict()) == 632
    assert {key.split(".")[0] for key in segmenter.state_dict()} == {"base"}


def test_filled_by_the_recipe_it_has_the_recorded_checksum() -> None:
    assert check_value(fill_network(DeepLabV2(names(182)), 7)).startswith("8da7254fa41f8a5e")


def test_the_input_is_bgr_less_the_mean() -> None:
    photo = torch.tensor([10, 20, 30], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert normalize(photo).flatten().tolist() == pytest.approx([30 - 104.008, 20 - 116.669, 10 - 122.675], abs=1e-4)


def test_the_trunk_is_torchvisions_but_for_strides_dilations_and_the_pool() -> None:
    """torchvision's ResNet with those changed gives the same features: the rest of the house is as it should be."""
    ours, theirs = DeepLabV2(names(2)).base, resnet101()
    theirs.maxpool.ceil_mode = True
    for stage, dilation in ((theirs.layer2, 1), (theirs.layer3, 2), (theirs.layer4, 4)):
        first = stage[0]
        if stage is theirs.layer2:
            first.conv1.stride, first.conv2.stride = (2, 2), (1, 1)
        else:
            first.conv2.stride = first.downsample[0].stride = (1, 1)
        for block in stage:
            block.conv2.dilation = block.conv2.padding = (dilation, dilation)

    # layer2.block1.reduce.conv -> layer1.0.conv1 and so on.
    renamed = {}
    for key, tensor in theirs.state_dict().items():
        parts = key.split(".")
        if parts[0] in ("conv1", "bn1"):
            renamed[f"layer1.conv1.{'conv' if parts[0] == 'conv1' else 'bn'}.{parts[1]}"] = tensor
        elif parts[0].startswith("layer"):
            path = f"layer{int(parts[0][5:]) + 1}.block{int(parts[1]) + 1}"
            if parts[2] == "downsample":
                kind, place = "shortcut", "conv" if parts[3] == "0" else "bn"
            else:
                kind = ("reduce", "conv3x3", "increase")[int(parts[2][-1]) - 1]
                place = parts[2][:-1]
            renamed[f"{path}.{kind}.{place}.{parts[-1]}"] = tensor
    trunk = {key: value for key, value in ours.state_dict().items() if not key.startswith("aspp")}
    assert renamed.keys() == trunk.keys()
    ours.load_state_dict(renamed, strict=False)

    x = torch.randn(1, 3, 65, 81)
    theirs.eval()
    with torch.no_grad():
        h = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        expected = theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(h))))
        torch.testing.assert_close(ours.eval().encode(x), expected, rtol=1e-5, atol=1e-5)


def test_scores_are_the_largest_over_the_scales() -> None:
    segmenter, given = filled(deeplab()), photos(1, 64, 96)
    x = normalize(given)
    with torch.no_grad():
        full = segmenter.base(x)
        others = [segmenter.base(F.interpolate(x, scale_factor=scale, mode="bilinear")) for scale in (0.5, 0.75)]
    resized = [full, *(F.interpolate(other, full.shape[2:], mode="bilinear") for other in others)]
    expected = torch.stack(resized).amax(0)
    assert any((each != expected).any() for each in resized), "one scale alone wins everywhere: the test shows nothing"
    torch.testing.assert_close(segmenter(x), expected)
    one = filled(deeplab(scales=()))
    torch.testing.assert_close(one.scores(given), F.interpolate(full, (64, 96), mode="bilinear"))
