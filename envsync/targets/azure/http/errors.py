"""What failures of Azure mean for people, each in one line with what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.credentials import NotSignedIn
from envsync.targets.azure.http.retries import is_certificate_error

_STORAGE: Final = re.compile(r"([^.]+)\.(blob|dfs)\.")
_POOL: Final = re.compile(r"ConnectionPool\(host='([^']+)'")
_PLACE: Final = re.compile(r"/providers/[^/]+/(workspaces|registries)/([^/]+)")


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What an error body says: `error.code`, `error.message`, and the innermost code."""

    code: str = ""
    message: str = ""
    inner: str = ""


class RequestRefused(TargetError):
    """The service refused one request.

    Attributes:
        status: the HTTP status.
        details: what its body says.
    """

    def __init__(self, message: str, status: int, details: ErrorDetails) -> None:
        self.status = status
        self.details = details
        super().__init__(message)


def error_details(body: JSON) -> ErrorDetails:
    """What an error body says. Resource Manager, workspaces and registries share its shape."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ErrorDetails()
    extra = error.get("additionalInfo")
    inner = ""
    for item in extra if isinstance(extra, list) else []:
        if isinstance(item, dict) and item.get("type") == "InnerError":
            inner = _innermost(item.get("info"))
    return ErrorDetails(_line(error.get("code")), _line(error.get("message")), inner)


def refused(status: int, body: JSON, method: str, url: str) -> RequestRefused:
    """What an answer with an error status means, and what to do."""
    details = error_details(body)
    says = details.message or f"it answered {status} without saying why"
    host = urlsplit(url).hostname
    if status == 401:
        message = (
            f"Azure does not accept the sign-in: {says} Sign in again, into the subscription's "
            "tenant (`az login --tenant ID`)."
        )
    elif status == 403:
        message = forbidden(method, details, url)
    elif status == 404:
        message = not_found(details, url)
    elif status == 429:
        message = (
            f"{host} allows no more requests for now, and went on so for minutes. Run it again "
            "later, or with a smaller --parallel."
        )
    elif status >= 500:
        message = f"{host} failed again and again ({status}): {says} Run it again later."
    else:
        code = f"{details.code}, {details.inner}" if details.inner else details.code or str(status)
        message = f"The service refused it ({code}): {says}"
    return RequestRefused(message, status, details)


def forbidden(method: str, details: ErrorDetails, url: str) -> str:
    """Which role is missing (documentation, "Manage access to Azure Machine Learning")."""
    if storage := _STORAGE.match(urlsplit(url).hostname or ""):
        return (
            f"No permission to upload to the storage account {storage[1]}: ask for the role "
            "AzureML Data Scientist on the workspace and, where its datastore has no account key, "
            "Storage Blob Data Contributor on that account, and whether its network rules let this "
            "machine in."
        )
    scope = re.search(r"scope '([^']+)'", details.message)
    found = _PLACE.search(scope[1] if scope else url)
    kind = "registry" if found and found[1] == "registries" else "workspace"
    writer = "AzureML Registry User" if kind == "registry" else "AzureML Data Scientist"
    reading = method == "GET"
    return (
        f"No permission to {'read' if reading else 'write'} ({details.code or 403}): ask for the "
        f"role {'Reader' if reading else writer} on the {kind}{f' {found[2]}' if found else ''}. A "
        "role that was just given takes up to ten minutes, and a new `az login`."
    )


def not_found(details: ErrorDetails, url: str) -> str:
    """What is not there: subscription, resource group, workspace, registry, or something in it."""
    parts = dict(zip(*[iter(urlsplit(url).path.strip("/").split("/"))] * 2, strict=False))
    code = details.code.lower()
    if storage := _STORAGE.match(urlsplit(url).hostname or ""):
        return (
            f"The storage account {storage[1]} has no container "
            f"{urlsplit(url).path.split('/')[1]}, where build contexts are uploaded to: ask an "
            "administrator of the workspace or registry to restore it."
        )
    if "subscription" in code:
        return (
            f"There is no subscription {parts.get('subscriptions')} for this sign-in: check "
            "`subscription_id` in envsync.yaml, and with `az account list` that you are signed in "
            "to its tenant."
        )
    if code == "resourcegroupnotfound":
        return (
            f"There is no resource group {parts.get('resourceGroups')} in this subscription: check "
            "`resource_group` and `subscription_id` in envsync.yaml."
        )
    if code in ("resourcenotfound", "parentresourcenotfound", "workspacenotfound"):
        return (
            f"There is no workspace {_segment(url, 'workspaces')} in this resource group: check "
            "`workspace`, `resource_group` and `subscription_id` in envsync.yaml."
        )
    return f"It is not there: {details.message or urlsplit(url).path}"


def explained(error: AzureError, url: str) -> TargetError:
    """What a request that got no answer means, or one for which nobody could sign in."""
    text = str(error)
    # azure-ai-ml asks several hosts; which one failed, its error alone says.
    named = _POOL.search(text)
    host = named[1] if named else urlsplit(url).hostname or "Azure"
    if isinstance(error, NotSignedIn):
        return TargetError(error.message)
    if isinstance(error, HttpResponseError) and error.response is not None:
        return from_response(error)
    if is_certificate_error(error):
        return TargetError(
            f"The certificate of {host} is not trusted: something between here and Azure, such as "
            "a company proxy, opens TLS connections. Set REQUESTS_CA_BUNDLE to a file with that "
            "proxy's certificate authority."
        )
    if text == "Response timeout":  # azure-core, where its tries have used up the time limit
        return TargetError(
            f"{host} refused every try for minutes. Run it again later, or with a smaller "
            "--parallel."
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return TargetError(
            f"{host} cannot be reached: {_reason(text)}. Check the network, and HTTPS_PROXY if "
            "there is a proxy."
        )
    return TargetError(f"Azure failed: {_line(text)}")


def from_response(error: HttpResponseError) -> RequestRefused:
    """What an error of azure-core that holds an answer means."""
    body: JSON = None
    response = error.response
    if response is not None:
        try:
            body = response.json() if hasattr(response, "json") else None
        except (ValueError, TypeError, AttributeError):
            body = None
    if not isinstance(body, dict) or "error" not in body:
        inner = error.error
        code, message = getattr(inner, "code", ""), getattr(inner, "message", "")
        body = {"error": {"code": code or "", "message": message or _line(error.message)}}
    request = getattr(response, "request", None)
    method = getattr(request, "method", "PUT")
    return refused(error.status_code or 0, body, method, getattr(request, "url", ""))


def no_json(url: str) -> TargetError:
    """Something answered that is not the service."""
    return TargetError(
        f"What {urlsplit(url).hostname} answered is not what Azure answers: perhaps a proxy's or a "
        "sign-in page of the network. Check HTTPS_PROXY and the network."
    )


def _reason(text: str) -> str:
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "the connection was refused"
    if "timed out" in text or "imeout" in text:
        return "it did not answer in time"
    if "Tunnel connection failed" in text or "ProxyError" in text:
        return "the proxy refused: " + _line(text).rpartition("Tunnel connection failed: ")[2][:160]
    return "the connection broke off"


def _innermost(info: JSON) -> str:
    """The code of an inner error; each may hold another one."""
    value = info.get("value") if isinstance(info, dict) else None
    code = ""
    while isinstance(value, dict):
        code = str(value.get("code") or code)
        value = value.get("innerError")
    return code


def _line(value: object) -> str:
    """A text on one line."""
    return " ".join(str(value or "").split())


def _segment(url: str, before: str) -> str:
    _, _, rest = urlsplit(url).path.partition(f"/{before}/")
    return rest.partition("/")[0]
