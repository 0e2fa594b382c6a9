"""envsync keeps Azure Machine Learning environments in git: plan, review, apply."""

from envsync._version import __version__

__all__ = ["__version__"]
