"""A throw-away certificate authority, and one certificate for every host the emulator plays.

The authority's key is never written anywhere: when the process ends, nobody can issue another
certificate that its clients would trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of one authority and the certificate it issued.

    Attributes:
        authority: what clients have to trust (`REQUESTS_CA_BUNDLE`).
        certificate: the certificate of all hosts, with its chain.
        key: its private key.
    """

    authority: Path
    certificate: Path
    key: Path


def issue(directory: Path, hosts: Iterable[str]) -> Certificates:
    """Makes an authority and a certificate, and writes them into a directory.

    Args:
        directory: where the files go; nobody else should be able to read it.
        hosts: names of hosts; `*.example.org` stands for one label in front.
    """
    authority = trustme.CA(organization_name="envsync emulator")
    leaf = authority.issue_cert(*hosts)
    files = Certificates(directory / "ca.pem", directory / "certificate.pem", directory / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    files.key.touch(mode=0o600)
    leaf.private_key_pem.write_to_path(files.key)
    return files
