"""The card of a model file and names on the hub, as the hub's own library reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.errors import UsageError
from genrelab.share.hub import CARD, Repository, write_repository

NAMES = [
    *("me/x", "me/x_", "_me/x", "me/a.b-c", f"me/{'x' * 96}"),
    *("me/x--y", "a..b/c", "mé/x", "me/x.git", "me/.x", "me/x-", "-me/x", "a/b/c", "m/e\n", "me./x", "/x"),
    f"me/{'x' * 97}",
]


def test_the_card_of_the_packaged_model(tmp_path: Path) -> None:
    write_repository(PACKAGED_MODEL, tmp_path, Repository("cc-by-4.0", "me/mine", ("me/music",)))
    data = ModelCard.load(tmp_path / CARD).data
    assert (data.license, data.datasets, data.library_name) == ("cc-by-4.0", ["me/music"], "onnx")
    results = {each.metric_type: each.metric_value for each in data.eval_results}
    assert set(data.metrics) == set(results) and 0.6 < results["accuracy"] < 0.8


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_if_the_hub_takes_it(name: str) -> None:
    def accepts(check: Callable[[str], object], error: type[Exception]) -> bool:
        try:
            check(name)
        except error:
            return False
        return True

    taken = accepts(validate_repo_id, HFValidationError)
    assert accepts(lambda given: Repository(name=given), UsageError) is taken
    assert accepts(lambda given: Repository(datasets=(given,)), UsageError) is taken
