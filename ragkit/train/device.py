"""Where training runs, and whether in half precision."""

from __future__ import annotations

import torch

from ragkit.errors import ConfigError
from ragkit.train.options import DeviceChoice


def chosen_device(choice: DeviceChoice) -> str:
    """The torch device for a choice: `auto` is the first GPU where there is one.

    Raises:
        ConfigError: `cuda` was asked for and torch sees no GPU.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"--device cuda: torch {torch.__version__} sees no GPU. Use --device cpu, or install a torch "
            "with CUDA and check the driver with nvidia-smi"
        )
    return "cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu"


def half_precision(device: torch.device) -> bool:
    """Whether the processor itself computes in bfloat16; emulated it would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # No public name as of torch 2.13; a torch without it trains in float32.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported())
