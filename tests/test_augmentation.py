"""Augmented pictures are still pictures, drawn alike by every process, and untrue words carry no loss."""

import pytest
import torch

from nanovlm_hf.training.augmentation import augment, token_ids_of


@pytest.fixture
def pixels():
    torch.manual_seed(0)
    return torch.rand(8, 3, 16, 16) * 2 - 1


def test_without_augmentation_nothing_changes(pixels):
    same, recoloured, flipped = augment(pixels.clone(), list(range(8)), seed=0, step=3)
    torch.testing.assert_close(same, pixels)
    assert not recoloured.any() and not flipped.any()


def test_draws_depend_on_seed_step_and_place_alone(pixels):
    options = {"min_crop": 0.6, "flip": True, "recolour": 0.5}
    whole, *_ = augment(pixels.clone(), list(range(8)), seed=1, step=5, **options)
    part, *_ = augment(pixels[[1, 3, 5, 7]].clone(), [1, 3, 5, 7], seed=1, step=5, **options)
    # A clamp to the batch's own range may touch extremes.
    torch.testing.assert_close(part, whole[[1, 3, 5, 7]], atol=0.05, rtol=0)
    other, *_ = augment(pixels.clone(), list(range(8)), seed=1, step=6, **options)
    assert (other - whole).abs().max() > 0.1


def test_pictures_come_out_smaller_where_asked(pixels):
    small, *_ = augment(pixels.clone(), list(range(8)), seed=0, step=3, side=8)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(pixels, 2))


def test_flipped_pictures_are_mirror_images(pixels):
    got, _, flipped = augment(pixels.clone(), list(range(8)), seed=0, step=0, flip=True)
    assert 0 < flipped.sum() < 8
    expected = torch.where(flipped[:, None, None, None], pixels.flip(-1), pixels)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_recolouring_keeps_brightness_and_grey(pixels):
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    muted = pixels * 0.3  # far from the ends of the range, where clamping would change brightness
    muted[0, 0, 0, 0], muted[0, 0, 0, 1] = -1, 1
    got, recoloured, _ = augment(muted.clone(), list(range(8)), seed=0, step=0, recolour=0.7)
    assert 0 < recoloured.sum() < 8
    torch.testing.assert_close((got * weights).sum(1)[1:], (muted * weights).sum(1)[1:], atol=2e-2, rtol=0)
    assert (got - muted).abs().amax((1, 2, 3))[recoloured].min() > 0.01
    torch.testing.assert_close(got[~recoloured], muted[~recoloured])
    grey = torch.rand(8, 1, 16, 16).expand(-1, 3, -1, -1).clone()
    got, *_ = augment(grey.clone(), list(range(8)), seed=0, step=0, recolour=0.9)
    torch.testing.assert_close(got, grey, atol=1e-2, rtol=0)


def test_words_are_found_with_and_without_a_blank(tokenizer):
    ids = token_ids_of(["red", "blue", "elephant"], tokenizer)
    assert {tokenizer.decode([i]) for i in ids.tolist()} <= {
        "red",
        "Red",
        " red",
        " Red",
        "blue",
        "Blue",
        " blue",
        " Blue",
    }
    assert " red" in {tokenizer.decode([i]) for i in ids.tolist()}
