"""The card of a model repository as the hub's own library reads it."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard

from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.share.figures import measured
from genrelab.share.hub import CARD, Repository, write_repository


def test_the_hub_reads_the_card_of_the_packaged_model(tmp_path: Path) -> None:
    write_repository(PACKAGED_MODEL, tmp_path, Repository("apache-2.0"))
    card = ModelCard.load(tmp_path / CARD)
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "onnx")
    assert card.data.pipeline_tag == "audio-classification" and card.data.model_name
    results = card.data.eval_results
    assert results is not None and all(isinstance(each, EvalResult) for each in results)
    (stated,) = measured(read_facts(PACKAGED_MODEL)[0])
    assert {each.metric_type: each.metric_value for each in results} == {
        figure.kind.metric: round(figure.value, 4) for figure in stated.figures
    }
    assert {each.dataset_name for each in results} == {stated.corpus}
    assert {each.dataset_split for each in results} == {stated.split}
    again = ModelCard(f"---\n{card.data.to_yaml()}\n---\n{card.text}")  # what the library writes, it reads
    assert again.data.to_dict() == card.data.to_dict()
