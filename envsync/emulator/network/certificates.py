"""A temporary certificate authority, and one certificate for all hosts of the emulator.

The authority's private key exists only in memory. After the end of the process, nobody can issue
another certificate that the emulator's clients trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import trustme
from msgspec import Struct


class Certificates(Struct, frozen=True):
    """The PEM files of an authority and of the certificate that it issued.

    Attributes:
        authority: the authority's certificate, which clients must trust (`REQUESTS_CA_BUNDLE`).
        certificate: the certificate for all hosts, with its chain.
        key: the private key of `certificate`.
    """

    authority: Path
    certificate: Path
    key: Path


def issue(directory: Path, hosts: Iterable[str]) -> Certificates:
    """Creates an authority and a certificate, and writes them to a directory.

    Args:
        directory: the directory for the files. Other users must not be able to read this directory.
        hosts: host names. `*.example.org` matches exactly one label in place of `*`.
    """
    authority = trustme.CA(organization_name="envsync emulator")
    # One certificate has all host names, so that the server uses it for every connection.
    leaf = authority.issue_cert(*hosts)
    files = Certificates(directory / "ca.pem", directory / "certificate.pem", directory / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    # Clients trust only the authority, so the server sends the whole chain.
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    # Set the permissions before writing the content: by default, other users can read a new file.
    files.key.touch(mode=0o600)
    leaf.private_key_pem.write_to_path(files.key)
    return files
