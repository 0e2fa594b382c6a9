"""A temporary configuration directory for the Azure CLI.

With this directory, `az login` to the emulator does not change the user's own login, and the Azure
CLI cannot send a real token to the emulator.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Disable telemetry, because the Azure CLI would send telemetry from a detached process. The tunnel
# would refuse the connection of this process, and the process could outlive the emulator.
_CONFIG = "[core]\ncollect_telemetry = no\n"


def configuration(directory: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Creates the directory and returns the variables that select it.

    Args:
        directory: the emulator's temporary directory, in which the new directory is created.
        environ: the user's variables, to find installed extensions such as `ml`.
    """
    made = directory / "azure"
    made.mkdir(mode=0o700)
    (made / "config").write_text(_CONFIG, encoding="utf-8")
    outside = Path(environ.get("AZURE_CONFIG_DIR") or "~/.azure").expanduser()
    # The Azure CLI looks for extensions in its configuration directory unless this variable is set.
    extensions = environ.get("AZURE_EXTENSION_DIR") or str(outside / "cliextensions")
    return {"AZURE_CONFIG_DIR": str(made), "AZURE_EXTENSION_DIR": extensions}
