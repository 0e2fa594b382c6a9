"""Error messages for failures of Azure. Each message is one line that says what to do."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.model.masking import masked
from envsync.targets.azure.http.retries import RETRIED, is_certificate_error
from envsync.targets.azure.http.sign_in import NotSignedIn

# The host name of a storage account contains `.dfs.` instead of `.blob.` if the account uses Data
# Lake Storage Gen2.
_STORAGE: Final = re.compile(r"([^.]+)\.(blob|dfs)\.")
_POOL: Final = re.compile(r"ConnectionPool\(host='([^']+)'")
# The text of the error ends with the brackets and quotes of several nested exceptions.
_PROXY_REASON: Final = re.compile(r"Tunnel connection failed: (.*?)(?:['\")]+)?$", re.DOTALL)
_EMULATOR: Final = "The envsync emulator"
_NETWORK: Final = "Check the network, and HTTPS_PROXY if there is a proxy."
_PLACE: Final = re.compile(r"/providers/[^/]+/(workspaces|registries)/([^/]+)")


class ErrorDetails(Struct, frozen=True):
    """An error body: its `error.code`, its `error.message`, and the code of the innermost error."""

    code: str = ""
    message: str = ""
    inner: str = ""


class RequestRefused(TargetError):
    """The service refused one request.

    Attributes:
        status: the HTTP status.
        details: the content of the error body.
    """

    def __init__(self, message: str, status: int, details: ErrorDetails) -> None:
        self.status = status
        self.details = details
        super().__init__(message)


def is_absent_environment(error: TargetError) -> bool:
    """Returns whether the error says that an environment or version does not exist.

    The status 404 is not enough, because a workspace or a storage container can also be missing.
    The start of the message is therefore compared with a recorded response.
    """
    return (
        isinstance(error, RequestRefused)
        and error.status == 404
        and error.details.message.startswith("No environment exists")
    )


def is_final(error: TargetError) -> bool:
    """Returns whether the service has certainly refused the last attempt of a request.

    After a different failure, such as a lost response, the service can still execute the request
    later.
    """
    return isinstance(error, RequestRefused) and error.status < 500 and error.status not in RETRIED


def error_details(body: JSON) -> ErrorDetails:
    """Returns the content of an error body.

    In recorded responses, error bodies of the Resource Manager, workspaces and registries have the
    same structure.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ErrorDetails()
    extra = error.get("additionalInfo")
    inner = ""
    for item in extra if isinstance(extra, list) else []:
        # In recorded errors, the outer code is often just `UserError`. The inner codes contain the
        # reason.
        if isinstance(item, dict) and item.get("type") == "InnerError":
            inner = _innermost(item.get("info"))
    return ErrorDetails(_line(error.get("code")), _line(error.get("message")), inner)


def refused(status: int, body: JSON, method: str, url: str) -> RequestRefused:
    """Returns the error for a response with an error status."""
    details = error_details(body)
    says = details.message or f"the response has the status {status} and no reason."
    host = urlsplit(url).hostname
    if status == 401:
        message = (
            f"Azure does not accept the sign-in: {says} Sign in to the subscription's tenant "
            "(`az login --tenant ID`)."
        )
    elif status == 403:
        message = forbidden(method, details, url)
    elif status == 404:
        message = not_found(details, url)
    elif status == 429:
        message = (
            f"{host} allows no more requests, even after minutes of retries. Run the command again "
            "later, or with a smaller --parallel."
        )
    elif status >= 500:
        message = f"{host} failed after all retries ({status}): {says} Run the command again later."
    else:
        code = f"{details.code}, {details.inner}" if details.inner else details.code or str(status)
        message = f"The service refused the request ({code}): {says}"
    return RequestRefused(message, status, details)


def ensure_succeeded(body: JSON) -> None:
    """Checks that an operation has succeeded. `body` is the body of the last response.

    Raises:
        RequestRefused: the operation failed or was canceled. The message has the service's reason.
    """
    status = body.get("status") if isinstance(body, dict) else None
    if isinstance(status, str) and status.lower() in {"failed", "canceled"}:
        raise refused(400, body, method="PUT", url="")


def forbidden(method: str, details: ErrorDetails, url: str) -> str:
    """Returns the message for a 403. The message contains the missing role.

    Source of the roles: https://learn.microsoft.com/azure/machine-learning/how-to-assign-roles
    """
    storage = _STORAGE.match(urlsplit(url).hostname or "")
    # Only a download of a build context sends GET. An upload sends HEAD and PUT.
    if storage and method == "GET":
        return (
            f"No permission to read the storage account {storage[1]}. Ask for the role AzureML "
            "Data Scientist on the workspace, or for the role Storage Blob Data Reader on the "
            "storage account. Check that the network rules of the storage account allow this "
            "machine."
        )
    if storage:
        return (
            f"No permission to upload to the storage account {storage[1]}. Ask for the role "
            "AzureML Data Scientist on the workspace. If the workspace's datastore has no account "
            "key, also ask for the role Storage Blob Data Contributor on the storage account. "
            "Check that the network rules of the storage account allow this machine."
        )
    # The service's message contains the scope of the missing role, which can be wider than the URL.
    scope = re.search(r"scope '([^']+)'", details.message)
    found = _PLACE.search(scope[1] if scope else url)
    kind = "registry" if found and found[1] == "registries" else "workspace"
    writer = "AzureML Registry User" if kind == "registry" else "AzureML Data Scientist"
    reading = method == "GET"
    return (
        f"No permission to {'read' if reading else 'write'} ({details.code or 403}): ask for the "
        f"role {'Reader' if reading else writer} on the {kind}{f' {found[2]}' if found else ''}. A "
        "new role takes effect after up to ten minutes and a new `az login`."
    )


def not_found(details: ErrorDetails, url: str) -> str:
    """Returns the message for a 404. The message says which resource does not exist.

    The missing resource can be a subscription, a resource group, a workspace, or a container of a
    storage account.
    """
    # The path of a Resource Manager URL is a sequence of pairs: the type and the name of a
    # resource.
    parts = dict(zip(*[iter(urlsplit(url).path.strip("/").split("/"))] * 2, strict=False))
    code = details.code.lower()
    if storage := _STORAGE.match(urlsplit(url).hostname or ""):
        return (
            f"The storage account {storage[1]} has no container "
            f"{urlsplit(url).path.split('/')[1]}, to which build contexts are uploaded. Ask an "
            "administrator of the workspace or registry to restore it."
        )
    # Both `SubscriptionNotFound` and `InvalidSubscriptionId` (the id is not a GUID) match.
    if "subscription" in code:
        return (
            f"There is no subscription {parts.get('subscriptions')} for this sign-in: check "
            "`subscription_id` in envsync.yaml, and check with `az account list` that you are "
            "signed in to its tenant."
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
    return f"The requested resource does not exist: {details.message or urlsplit(url).path}"


def explained(error: AzureError, url: str) -> TargetError:
    """Returns the error for a failure of azure-core, such as a failed connection or sign-in."""
    text = str(error)
    # azure-ai-ml sends requests to several hosts, and only the text of the error contains the host
    # that failed.
    named = _POOL.search(text)
    host = named[1] if named else urlsplit(url).hostname or "Azure"
    if isinstance(error, NotSignedIn):
        return TargetError(error.message)
    if isinstance(error, HttpResponseError) and error.response is not None:
        return from_response(error)
    if is_certificate_error(error):
        return TargetError(
            f"The certificate of {host} is not trusted: a proxy between this machine and Azure "
            "intercepts TLS connections. Set REQUESTS_CA_BUNDLE to a file with the proxy's "
            "certificate authority."
        )
    # azure-core's own retry policy, which azure-ai-ml uses, raises this error after its time limit.
    if text == "Response timeout":
        return TargetError(
            f"{host} refused a request and all its retries. Run the command again later, or with "
            "a smaller --parallel."
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        reason = _reason(text)
        # If the emulator's proxy refused the connection, the reason already says what to do. Advice
        # about the network would be wrong, because this proxy is on the local machine.
        advice = "" if _EMULATOR in reason else f" {_NETWORK}"
        return TargetError(f"{host} cannot be reached: {reason}.{advice}")
    return TargetError(f"Azure failed: {_line(text)}")


def from_response(error: HttpResponseError) -> RequestRefused:
    """Returns envsync's error for an azure-core error that contains a response."""
    body: JSON = None
    response = error.response
    if response is not None:
        try:
            # The errors of azure-ai-ml contain responses of several classes. Some of these response
            # classes fail if `json()` is called a second time.
            body = response.json() if hasattr(response, "json") else None
        except (ValueError, TypeError, AttributeError):
            body = None
    if not isinstance(body, dict) or "error" not in body:
        inner = error.error
        code, message = getattr(inner, "code", ""), getattr(inner, "message", "")
        body = {"error": {"code": code or "", "message": message or _line(error.message)}}
    request = getattr(response, "request", None)
    method = getattr(request, "method", "PUT")
    return refused(error.status_code or 0, body, method=method, url=getattr(request, "url", ""))


def no_json(url: str) -> TargetError:
    """Returns the error for a response that does not come from Azure, because it is not JSON."""
    return TargetError(
        f"The response of {urlsplit(url).hostname} does not come from Azure. It may come from a "
        "proxy or from a sign-in page of the network. Check HTTPS_PROXY and the network."
    )


def _reason(text: str) -> str:
    """Returns why a connection failed. `text` is the error message of requests or urllib3."""
    if "NameResolution" in text or "getaddrinfo" in text or "Name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "the connection was refused"
    if "timed out" in text or "imeout" in text:
        return "it did not respond in time"
    if "Tunnel connection failed" in text or "ProxyError" in text:
        found = _PROXY_REASON.search(_line(text))
        return f"the proxy refused: {found[1][:160]}" if found else "the proxy refused"
    return "the connection was closed"


def _innermost(info: JSON) -> str:
    """Returns the code of the innermost error. Any error can contain an inner error."""
    value = info.get("value") if isinstance(info, dict) else None
    code = ""
    while isinstance(value, dict):
        code = str(value.get("code") or code)
        value = value.get("innerError")
    return code


def _line(value: object) -> str:
    """Converts a value to text on one line, without credentials.

    Callers cut the text later. Credentials are hidden first, because a cut signature is hard to
    recognise.
    """
    return masked(" ".join(str(value or "").split()))


def _segment(url: str, before: str) -> str:
    _, _, rest = urlsplit(url).path.partition(f"/{before}/")
    return rest.partition("/")[0]
