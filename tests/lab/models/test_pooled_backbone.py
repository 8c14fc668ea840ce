"""The first stages of a timm network over pictures of any length."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from networks_with_weights import randomize
from safetensors.torch import save_file

from genrelab.errors import RecipeError
from genrelab.lab.models import MODELS
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.pooled_backbone import PooledBackbone
from genrelab.lab.models.pretrained import load_pretrained


def made(**options: object) -> PooledBackbone:
    torch.manual_seed(0)
    body = MODELS.create(
        "pooled-backbone", {"embedding": 16, **options}, inputs={"mel": (1, 32, 40)}, genres=3
    )
    assert isinstance(body, PooledBackbone)
    return body.eval()


def test_the_stages_are_those_of_timm() -> None:
    timm = pytest.importorskip("timm")
    cut = Backbone("resnet18", channels=1, stages=3).eval()
    randomize(cut.net, 1)
    whole = timm.create_model(
        "resnet18", in_chans=1, num_classes=0, features_only=True, out_indices=(3,)
    ).eval()
    whole.load_state_dict(cut.net.state_dict(), strict=False)
    picture = torch.randn(2, 1, 64, 50)
    with torch.no_grad():
        torch.testing.assert_close(cut(picture), whole(picture)[0])
    assert cut.features == 256
    assert (
        sum(each.numel() for each in cut.parameters()) == 2_782_784 - 2 * 64 * 49
    )  # one channel instead of three


@pytest.mark.parametrize("architecture", ["mobilenetv1_100", "vgg16"])
def test_what_has_no_stages_is_refused(architecture: str) -> None:
    with pytest.raises(RecipeError, match="cannot be cut"):
        Backbone(architecture, stages=3)


def test_weights_of_the_whole_network_start_the_first_stages(tmp_path: Path) -> None:
    torch.manual_seed(3)
    whole = Backbone("resnet18")
    randomize(whole.net, 2)
    file = tmp_path / "whole.safetensors"
    save_file(dict(whole.net.state_dict()), file)
    body = made()
    notes = load_pretrained(body, str(file))
    assert not any("random" in note for note in notes)
    assert body.backbone.strange == body.backbone.folded == ()
    own = body.backbone.net.state_dict()
    assert torch.equal(own["layer3.1.conv2.weight"], whole.net.get_parameter("layer3.1.conv2.weight"))
    assert torch.allclose(
        own["conv1.weight"], whole.net.get_parameter("conv1.weight").sum(dim=1, keepdim=True)
    )


@pytest.mark.parametrize("pooling", ["mean", "mean-max", "attentive"])
def test_any_duration_and_any_level(pooling: str) -> None:
    body = made(pooling=pooling)
    picture = 10 * torch.randn(2, 1, 32, 40) - 30
    with torch.no_grad():
        scores = body({"mel": picture})
        louder = body({"mel": 2.0 * picture + 7.0})
        for frames in (1, 7, 300):
            assert body({"mel": torch.randn(2, 1, 32, frames)}).logits.shape == (2, 3)
    assert scores.embedding.shape == (2, 16)
    torch.testing.assert_close(louder.logits, scores.logits, atol=1e-4, rtol=1e-4)


def test_silence_gives_finite_scores() -> None:
    with torch.no_grad():
        assert made()({"mel": torch.full((1, 1, 32, 40), -100.0)}).logits.isfinite().all()


def test_the_layout_in_memory_changes_rounding_alone() -> None:
    used, plain = (made() for _ in range(2))
    plain.to(memory_format=torch.contiguous_format)
    picture = torch.randn(6, 1, 32, 40)
    outputs, gradients = [], []
    for net in (used, plain):
        net.eval()
        loss = net({"mel": picture}).logits.logsumexp(dim=1).sum()
        torch.autograd.backward(loss)
        outputs.append(net({"mel": picture}))
        gradients.append([each.grad for each in net.parameters()])
    maps = [net.backbone(picture) for net in (used, plain)]
    assert [each.is_contiguous(memory_format=torch.channels_last) for each in maps] == [True, False]
    torch.testing.assert_close(outputs[0], outputs[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-3)
