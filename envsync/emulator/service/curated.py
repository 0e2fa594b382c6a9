"""A few environments of the service's own, which every workspace shows and nobody can change.

Names and images are those of real ones
(https://learn.microsoft.com/azure/machine-learning/resource-curated-environments).
"""

from __future__ import annotations

from envsync.model.canonical import JSON
from envsync.targets.store.rows import NewVersion, VersionSpec

_REGISTRY = "mcr.microsoft.com/azureml/curated"
_STAGE: dict[str, JSON] = {"stage": "Production"}


def _curated(name: str, version: str, image: str, description: str) -> NewVersion:
    spec = VersionSpec(f"{_REGISTRY}/{image}", None, None, None, None, "Linux", None)
    return NewVersion(name, version, spec, description, extra=_STAGE)


CURATED = (
    _curated(
        "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
        "1",
        "sklearn-1.0-ubuntu20.04-py38-cpu:1",
        "An environment for tasks such as regression, clustering, and classification with "
        "Scikit-learn.",
    ),
    _curated(
        "AzureML-acpt-pytorch-2.2-cuda12.1",
        "1",
        "acpt-pytorch-2.2-cuda12.1:1",
        "Recommended environment for Deep Learning with PyTorch on Azure.",
    ),
    _curated(
        "AzureML-lightgbm-3.3",
        "1",
        "lightgbm-3.3:1",
        "An environment for machine learning with LightGBM, Scikit-learn and XGBoost.",
    ),
)
"""In order of creation."""
