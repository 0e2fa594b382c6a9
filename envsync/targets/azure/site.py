"""`Site`: one workspace or registry, once it is known where it is."""

from __future__ import annotations

from dataclasses import dataclass

from envsync.targets.azure.create import Creator
from envsync.targets.azure.resources import Resources


@dataclass(frozen=True, slots=True)
class Site:
    """One workspace or registry that has been found: its resources, and what creates in it."""

    resources: Resources
    creator: Creator
