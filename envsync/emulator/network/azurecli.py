"""A configuration directory of the Azure CLI that lives as long as the emulator.

With it, `az login` against the emulator changes nothing of the person's own login, and no token of
Azure itself can be sent to the emulator.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# No telemetry: the process that sends it would meet the tunnel, and outlive the emulator.
_CONFIG = "[core]\ncollect_telemetry = no\n"


def configuration(directory: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Makes the directory; returns the variables that the Azure CLI is told by.

    Args:
        directory: the emulator's own, in which it is made.
        environ: the variables of the outside. The extensions that are installed there, such as
            `ml`, are used from here, too.
    """
    made = directory / "azure"
    made.mkdir(mode=0o700)
    (made / "config").write_text(_CONFIG, encoding="utf-8")
    outside = Path(environ.get("AZURE_CONFIG_DIR") or "~/.azure").expanduser()
    extensions = environ.get("AZURE_EXTENSION_DIR") or str(outside / "cliextensions")
    return {"AZURE_CONFIG_DIR": str(made), "AZURE_EXTENSION_DIR": extensions}
