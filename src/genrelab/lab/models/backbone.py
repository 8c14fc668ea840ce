"""A network from timm, without its classifier: picture in, last feature map out."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.extras import need_extra

# timm's names; Keras's values.
_TENSORFLOW: dict[str, Any] = {"pad_type": "same", "bn_eps": 1e-3, "bn_momentum": 0.01}


class Backbone(nn.Module):
    """A convolutional network of timm as feature extractor.

    Its random initial weights come from timm and torch's global generator;
    `genrelab.lab.models.pretrained.load_pretrained` loads ImageNet weights.

    Parameters
    ----------
    architecture : str
        timm's name of a convolutional network, e.g. `resnet18`, `resnet34`, `vgg16`, `mobilenetv1_100`.
        A tag selects other weights than timm's default, e.g. `resnet18.tv_in1k`.
    channels : int > 0
        Channels of the picture.
    tensorflow : bool
        Build the layers as TensorFlow and Keras do, for weights trained there: pictures are padded only at
        their ends where that suffices (a stride of 2 over an even size), and batch norms add 1e-3 to the
        variance and update more slowly. timm supports this for MobileNet and EfficientNet.

    Attributes
    ----------
    net : nn.Module
        timm's network.
    features : int
        Channels of the last map.
    folded : tuple of str
        Batch norms within `net` that only shift, because the loaded weights include them in the convolutions;
        `genrelab.lab.models.pretrained.calibrate` empties it.
    strange : tuple of str
        Batch norms within `net` whose statistics do not match their inputs, because the convolution before
        them is random; `calibrate` empties it too.

    Raises
    ------
    RecipeError
        If timm has no such network, or cannot build it with TensorFlow's layers.
    MissingExtraError
        If timm is not installed.
    """

    def __init__(self, architecture: str, *, channels: int = 3, tensorflow: bool = False) -> None:
        super().__init__()
        timm: Any = need_extra("lab", f"the network {architecture!r}", "timm")  # takes seconds to import
        names = [*timm.list_models(), *timm.list_pretrained()]
        if architecture not in names:
            near = difflib.get_close_matches(architecture, names, n=3, cutoff=0.5)
            remedy = (
                f"did you mean {' or '.join(near)}?" if near else "try resnet18; timm.list_models() names all"
            )
            raise RecipeError(f"timm has no network {architecture!r}; {remedy}", code="backbone-unknown")
        self.architecture = architecture
        self.tensorflow = tensorflow
        options: dict[str, Any] = {"in_chans": channels, "num_classes": 0, "global_pool": ""}
        if tensorflow:
            options |= _TENSORFLOW
        try:
            self.net: nn.Module = timm.create_model(architecture, pretrained=False, **options)
        except TypeError as error:
            if not tensorflow:
                raise
            raise RecipeError(
                f"timm has no {architecture} with TensorFlow's layers; set tensorflow=false",
                code="backbone-without-tensorflow",
            ) from error
        if hasattr(self.net, "pre_logits"):
            # VGG's hidden dense layers belong to the classifier: 120 million weights that no map needs.
            self.net.pre_logits = nn.Identity()
        self.features = cast(int, self.net.num_features)
        self.folded: tuple[str, ...] = ()
        self.strange: tuple[str, ...] = ()

    def forward(self, picture: Tensor) -> Tensor:
        """Change `[batch, channels, height, width]` into the last map, `[batch, features, h, w]`."""
        extract = cast(Callable[[Tensor], Tensor], self.net.forward_features)
        return extract(picture)
