"""A network that stands for one trained on ImageNet."""

from __future__ import annotations

import pytest
import timm
import torch
from networks_with_weights import State, randomize
from torch import nn


@pytest.fixture(scope="session")
def reference() -> nn.Module:
    """A network that stands for a trained one, with its classifier."""
    torch.manual_seed(0)
    net = timm.create_model("resnet18")
    randomize(net, 1)
    return net.eval()


@pytest.fixture
def state(reference: nn.Module) -> State:
    return {key: value.clone() for key, value in reference.state_dict().items()}
