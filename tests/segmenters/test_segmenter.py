"""What every segmenter promises, held by each of the paper's."""

from __future__ import annotations

import json

import pytest
import torch

from spadework.segmenters.segmenter import Segmenter
from tests.segmenters.narrow import CLASSES, NARROW, filled, photos


@pytest.fixture(params=NARROW)
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    return filled(NARROW[request.param]())


def test_scores_have_the_photos_size_or_the_one_asked_for(segmenter: Segmenter) -> None:
    given = photos(2, 52, 70)
    scores = segmenter.scores(given)
    assert scores.shape == (2, len(CLASSES), 52, 70) and scores.dtype == torch.float32
    assert not scores.requires_grad and scores.isfinite().all()
    assert segmenter.scores(given, (31, 90)).shape == (2, len(CLASSES), 31, 90)


def test_the_prediction_is_the_class_of_the_largest_score(segmenter: Segmenter) -> None:
    given = photos(2, 52, 70)
    for size in (None, (31, 90)):
        predicted = segmenter.predict(given, size)
        assert predicted.dtype == torch.int64
        assert torch.equal(predicted, segmenter.scores(given, size).argmax(1))
    assert len(predicted.unique()) > 1, "the test's weights should tell places apart"


def test_photos_of_a_batch_do_not_see_each_other(segmenter: Segmenter) -> None:
    given = photos(3, 52, 70)
    together, alone = segmenter.scores(given), torch.cat([segmenter.scores(photo[None]) for photo in given])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)
    features = torch.cat([segmenter.features(photo[None]) for photo in given])
    torch.testing.assert_close(segmenter.features(given), features, rtol=1e-4, atol=1e-4)


def test_features_are_one_row_per_photo_and_tell_photos_apart(segmenter: Segmenter) -> None:
    features = segmenter.features(photos(2, 52, 70))
    assert features.dim() == 2 and features.dtype == torch.float32 and not features.requires_grad
    assert not torch.allclose(features[0], features[1])


def test_it_is_in_eval_mode_and_changes_nothing_of_itself(segmenter: Segmenter) -> None:
    before = {key: value.clone() for key, value in segmenter.state_dict().items()}
    segmenter.scores(photos(1, 52, 70))
    assert not any(module.training for module in segmenter.modules())
    assert all(torch.equal(before[key], value) for key, value in segmenter.state_dict().items())


def test_the_input_is_left_as_it_was(segmenter: Segmenter) -> None:
    given = photos(1, 52, 70)
    copy = given.clone()
    segmenter.scores(given)
    assert torch.equal(given, copy)


def test_other_photos_are_refused_with_the_cure(segmenter: Segmenter) -> None:
    for wrong in (
        torch.zeros(1, 3, 64, 64),
        torch.zeros(3, 64, 64, dtype=torch.uint8),
        torch.zeros(1, 4, 64, 64, dtype=torch.uint8),
        torch.zeros(1, 64, 64, 3, dtype=torch.uint8),
    ):
        for call in (segmenter.scores, segmenter.predict, segmenter.features):
            with pytest.raises(ValueError, match=r"takes photos as uint8 \[B, 3, H, W\].*this is torch.*127\.5"):
                call(wrong)
    with pytest.raises(ValueError, match="at least one pixel"):
        segmenter.scores(torch.zeros(1, 3, 0, 64, dtype=torch.uint8))
    with pytest.raises(ValueError, match="this is ndarray"):
        segmenter.scores(photos(1, 8, 8).numpy())  # type: ignore[arg-type]


def test_one_pixel_is_a_photo(segmenter: Segmenter) -> None:
    assert segmenter.predict(photos(1, 1, 1)).shape == (1, 1, 1)


def test_the_description_is_json_and_tells_versions(segmenter: Segmenter) -> None:
    description = json.loads(json.dumps(segmenter.describe()))
    assert description["name"] == segmenter.name and description["classes"] == len(CLASSES)
    assert description["weights"] == [] and description["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert {"preprocessing", "sizes"} <= description.keys()
