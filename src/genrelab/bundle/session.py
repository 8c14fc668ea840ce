"""Prepare a network with onnxruntime, within the limits of untrusted model files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from genrelab.bundle.bounded import call_within, limit_memory, most_memory
from genrelab.bundle.bounds import LOAD_SECONDS, TENSORRT_SECONDS
from genrelab.bundle.read import AGAIN
from genrelab.bundle.runtime import PROVIDERS, Provider, check_provider, load_onnxruntime
from genrelab.errors import ModelFileError, UsageError
from genrelab.printing import shorten

_LINE = 400  # characters of onnxruntime's messages


def open_session(data: bytes, path: Path, *, threads: int | None, provider: Provider) -> Any:
    """Return the session of a network.

    Parameters
    ----------
    data : bytes
        The content of the model file.
    path : Path
        The model file, for messages.
    threads : int > 0 or None
        CPU threads of a prediction; None means all cores.
    provider : {"cpu", "cuda", "tensorrt"}

    Raises
    ------
    ModelFileError
        If onnxruntime cannot use the network, or needs too long to prepare it.
    UsageError
        If the provider cannot be used on this machine.
    """
    check_provider(provider)
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised as well; warnings are about optimizations
    options.add_session_config_entry("session.load_model_format", "ONNX")  # do not guess from the bytes
    # Waiting threads sleep; otherwise they would take the cores from decoding, which runs in parallel.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    if limit_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    make = partial(
        onnxruntime.InferenceSession,
        data,
        options,
        providers=[(name, _settings(name)) for name in PROVIDERS[provider]],
        enable_fallback=0,  # it prints, and runs on another provider than the one that was asked for
    )
    seconds = TENSORRT_SECONDS if provider == "tensorrt" else LOAD_SECONDS
    try:
        session = call_within(make, seconds, stop=lambda: None)
    except TimeoutError as error:
        raise ModelFileError(
            f"onnxruntime took more than {seconds:.0f} s to prepare the model file {path}. {AGAIN}",
            code="model-too-slow",
        ) from error
    except session_errors() as error:
        if provider != "cpu":
            raise _unusable(provider, first_line(error)) from error
        raise ModelFileError(
            f"onnxruntime {onnxruntime.__version__} cannot use the model file {path}: {first_line(error)}. "
            f"{AGAIN}",
            code="model-unusable",
        ) from error
    if PROVIDERS[provider][0] not in session.get_providers():  # only a warning for onnxruntime
        raise _unusable(provider, "its libraries or a GPU are missing")
    return session


def session_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of onnxruntime, which have no common base class."""
    state = load_onnxruntime().capi.onnxruntime_pybind11_state
    own = [
        value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    return (*own, RuntimeError, ValueError)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, shortened."""
    return shorten((str(error).strip().splitlines() or [type(error).__name__])[0], _LINE)


def _settings(name: str) -> dict[str, str]:
    """Return the settings of a provider of onnxruntime."""
    if name == "CUDAExecutionProvider":
        # TF32 rounds factors to 10 bits; without it, results stay close to those of the CPU.
        return {"gpu_mem_limit": str(most_memory()), "use_tf32": "0"}
    return {}


def _unusable(provider: Provider, reason: str) -> UsageError:
    return UsageError(
        f"the provider {provider!r} cannot be used on this machine: {reason}. Install the GPU's driver and "
        "the libraries that https://onnxruntime.ai/docs/execution-providers lists, or use --provider cpu.",
        code="provider-unusable",
    )
