"""The laboratory: train, compare and export genre recognizers.

It needs the extra `lab`, apart from `corpora` and `metrics`, which need no PyTorch.
"""
