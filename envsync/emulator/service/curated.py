"""Curated environments, which exist in every workspace and which nobody can change.

Names and images are copied from real curated environments
(https://learn.microsoft.com/azure/machine-learning/resource-curated-environments).
"""

from __future__ import annotations

from envsync.model.canonical import JSON
from envsync.targets.store.rows import NewVersion, VersionSpec

# This is the container registry of the images, not an Azure ML registry.
_REGISTRY = "mcr.microsoft.com/azureml/curated"
_STAGE: dict[str, JSON] = {"stage": "Production"}


def _curated(name: str, *, image: str, description: str) -> NewVersion:
    spec = VersionSpec(
        image=f"{_REGISTRY}/{image}",
        conda_file=None,
        build_uri=None,
        build_context=None,
        dockerfile_path=None,
        os_type="Linux",
        inference_config=None,
    )
    return NewVersion(name, "1", spec, description=description, extra=_STAGE)


CURATED = (
    _curated(
        "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
        image="sklearn-1.0-ubuntu20.04-py38-cpu:1",
        description="An environment for tasks such as regression, clustering, and classification "
        "with Scikit-learn.",
    ),
    _curated(
        "AzureML-acpt-pytorch-2.2-cuda12.1",
        image="acpt-pytorch-2.2-cuda12.1:1",
        description="Recommended environment for Deep Learning with PyTorch on Azure.",
    ),
    _curated(
        "AzureML-lightgbm-3.3",
        image="lightgbm-3.3:1",
        description="An environment for machine learning with LightGBM, Scikit-learn and XGBoost.",
    ),
)
"""The curated environments in order of creation."""
