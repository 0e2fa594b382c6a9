"""Requests to Azure: pages, long-running operations, retries, throttling, and error messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

pytest.importorskip("azure.mgmt.core", reason="azure-mgmt-core is not installed")

import requests
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from azure.core.rest import HttpRequest

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.clouds import cloud
from envsync.targets.azure.http.errors import RequestRefused, error_details, explained, refused
from envsync.targets.azure.http.operations import Operations
from envsync.targets.azure.http.retries import retry_after
from envsync.targets.azure.http.transport import READS, WRITES, SharedTransport, Throttle
from tests.targets.azure.scripted import Script, answer, rest

URL = (
    "https://management.azure.com/subscriptions/0000/resourceGroups/ml-dev/providers"
    "/Microsoft.MachineLearningServices/workspaces/ws-dev/environments"
)
NEXT = URL + "?api-version=1&$skip=2"
SIGNED = "https://st.blob.core.windows.net/c/f?sv=2024-11-04&sig=a1b2%2Bc3d4%3D&se=2026"
OPERATION = "https://eastus.api.azureml.ms/environment/v1.0/operations/a"


def failure(code: str, message: str = "Because.") -> JSON:
    return {"error": {"code": code, "message": message}}


class TestPages:
    def test_each_page_of_a_list_needs_one_request(self) -> None:
        script = Script(
            answer(200, {"value": [1, 2], "nextLink": NEXT}), answer(200, {"value": [3]})
        )

        items = list(rest(script).items(URL, {"api-version": "1"}))

        assert items == [1, 2, 3]
        assert script.sent == [("GET", URL + "?api-version=1"), ("GET", NEXT)]

    def test_a_token_is_not_sent_without_tls(self) -> None:
        script = Script(answer(200, {"value": [], "nextLink": "http://contoso.example/"}))

        with pytest.raises(TargetError, match="not an HTTPS address"):
            list(rest(script).items(URL, {}))

    # A proxy or a login page of a public network can respond instead of Azure.
    @pytest.mark.parametrize("body", ["<html>Welcome to Hotel</html>", {"value": None}, []])
    def test_a_response_that_is_not_from_azure_is_reported(self, body: JSON) -> None:
        with pytest.raises(TargetError, match="does not come from Azure"):
            list(rest(Script(answer(200, body))).items(URL, {}))


class TestOperations:
    def test_the_url_in_location_is_polled_until_the_operation_is_done(self) -> None:
        waits: list[float] = []
        script = Script(
            answer(202, "null", Location=OPERATION, Retry_After="7"),
            answer(202, "", Retry_After="3"),
            answer(202, ""),
            answer(200, ""),
        )

        rest(script, waits.append).put(URL, {}, {"properties": {}})

        assert script.sent == [("PUT", URL), *[("GET", OPERATION)] * 3]
        assert waits[:2] == [7.0, 3.0]

    def test_the_url_in_azure_asyncoperation_is_polled_until_the_final_status(self) -> None:
        script = Script(
            answer(202, {}, Azure_AsyncOperation=OPERATION, Location=URL),
            answer(200, {"status": "InProgress"}),
            answer(200, {"status": "Succeeded"}),
        )

        rest(script).put(URL, {}, {})

        assert script.sent == [("PUT", URL), *[("GET", OPERATION)] * 2]

    @pytest.mark.parametrize("asked", ["7", "86400", "inf"])
    def test_an_operation_in_progress_for_an_hour_is_given_up(self, asked: str) -> None:
        waits: list[float] = []
        progress = answer(200, {"status": "InProgress"}, Retry_After=asked)
        script = Script(answer(202, {}, Azure_AsyncOperation=OPERATION), progress)

        with pytest.raises(TargetError, match=r"environments is unfinished after \d+ seconds"):
            rest(script, waits.append).put(URL, {}, {})

        # The service gives up after one hour, according to the recorded header
        # `x-ms-async-operation-timeout: PT1H`.
        assert sum(waits) <= 3600

    def test_a_failed_operation_raises_its_error(self) -> None:
        script = Script(
            answer(202, {}, Azure_AsyncOperation=OPERATION),
            answer(200, {"status": "Failed", **dict(failure("UserError", "No such image."))}),  # type: ignore[arg-type]
        )

        with pytest.raises(TargetError, match=r"UserError.*No such image"):
            rest(script).put(URL, {}, {})

    def test_an_interruption_ends_the_wait_for_an_operation(self) -> None:
        operations = Operations(3600.0)
        operations.stop()
        script = Script(answer(202, "null", Location=OPERATION, Retry_After="600"))

        with pytest.raises(TargetError, match=r"environments was unfinished when the run was int"):
            rest(script, operations=operations).put(URL, {}, {})

    def test_the_time_limit_starts_again_for_a_new_operation_with_the_same_url(self) -> None:
        seconds = [0.0]
        operations = Operations(10.0, clock=lambda: seconds[0])
        script = Script(answer(202, ""), answer(200, ""), answer(202, ""))
        connection = rest(script, operations=operations)
        connection.get(OPERATION)
        connection.get(OPERATION)
        seconds[0] = 60.0

        # The next operation has the same URL. Its time starts again.
        connection.get(OPERATION)

        seconds[0] = 70.0
        with pytest.raises(TargetError, match="/operations/a is unfinished after 10 seconds"):
            connection.get(OPERATION)

    @pytest.mark.parametrize("status", ["Failed", "canceled"])
    def test_the_reason_of_an_operation_that_ends_with_status_200_is_kept(
        self, status: str
    ) -> None:
        failed: JSON = {"status": status, **dict(failure("UserError", "No such image."))}  # type: ignore[arg-type]
        connection = rest(Script(answer(202, ""), answer(200, failed)))
        connection.get(OPERATION)

        with pytest.raises(TargetError, match=r"UserError.*No such image"):
            connection.get(OPERATION)

    def test_an_operation_that_never_ends_is_given_up(self) -> None:
        script = Script(answer(202, "null", Location=OPERATION), answer(202, ""))

        with pytest.raises(TargetError, match=r"environments is unfinished after 0 seconds"):
            rest(script, operations=Operations(0.0)).put(URL, {}, {})

    def test_a_put_with_status_201_is_not_polled(self) -> None:
        script = Script(answer(201, {}, Location=URL))

        rest(script).put(URL, {}, {})

        assert script.sent == [("PUT", URL)]


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_a_temporary_failure_is_retried(self, status: int) -> None:
        script = Script(answer(status, {}), answer(status, {}), answer(200, {"a": 1}))

        assert rest(script).get(URL) == {"a": 1}
        assert len(script.sent) == 3

    @pytest.mark.parametrize("status", [400, 401, 403, 409])
    def test_a_permanent_failure_is_not_retried(self, status: int) -> None:
        script = Script(answer(status, failure("No"), Retry_After="1"))

        with pytest.raises(RequestRefused) as caught:
            rest(script).get(URL)

        assert (caught.value.status, len(script.sent)) == (status, 1)

    def test_get_returns_none_for_an_absent_resource(self) -> None:
        assert rest(Script(answer(404, failure("UserError")))).get(URL) is None

    def test_a_retry_waits_for_retry_after_plus_up_to_a_quarter(self) -> None:
        waits: list[float] = []
        script = Script(answer(429, {}, Retry_After="20"), answer(200, {}))

        rest(script, waits.append).get(URL)

        assert len(waits) == 1
        assert 20 <= waits[0] <= 25

    def test_waits_grow_exponentially_without_retry_after(self) -> None:
        waits: list[float] = []
        script = Script(*[answer(500, {})] * 5, answer(200, {}))

        rest(script, waits.append).get(URL)

        # The longest possible wait doubles with each attempt. A wait is this bound multiplied by a
        # random factor from 0.5 to 1.
        bounds = [0.4, 0.8, 1.6, 3.2, 6.4]
        assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))

    def test_a_request_fails_at_once_if_the_wait_would_exceed_the_time_limit(self) -> None:
        waits: list[float] = []
        script = Script(answer(429, failure("TooManyRequests"), Retry_After="3600"))

        with pytest.raises(TargetError, match="allows no more requests"):
            rest(script, waits.append).get(URL)

        assert waits == []

    def test_a_closed_connection_is_opened_again(self) -> None:
        broken = requests.exceptions.ConnectionError("Connection reset by peer")
        script = Script(broken, answer(200, {"a": 1}))

        assert rest(script).get(URL) == {"a": 1}

    def test_a_network_failure_is_reported_soon(self) -> None:
        down = requests.exceptions.ConnectionError(
            "Max retries exceeded (Caused by NameResolutionError: getaddrinfo failed)"
        )
        script = Script(down)

        with pytest.raises(TargetError, match=r"management\.azure.com cannot be reached: its name"):
            rest(script).get(URL)

        # The policy makes one attempt and `MOST_FAILED_CONNECTIONS` retries.
        assert len(script.sent) == 4

    def test_an_untrusted_certificate_is_reported_at_once(self) -> None:
        script = Script(requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"))

        with pytest.raises(TargetError, match=r"not trusted.*REQUESTS_CA_BUNDLE"):
            rest(script).get(URL)

        assert len(script.sent) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "EOF occurred in violation of protocol (_ssl.c:1006)",
            "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol",
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
        ],
    )
    def test_a_connection_that_is_cut_under_tls_is_retried(self, text: str) -> None:
        cut = requests.exceptions.SSLError(text)

        assert rest(Script(cut, cut, answer(200, {"a": 1}))).get(URL) == {"a": 1}
        with pytest.raises(TargetError, match="cannot be reached: the connection was closed"):
            rest(Script(cut)).get(URL)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"retry-after-ms": "250", "Retry-After": "3"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_the_headers_for_retries_are_converted_to_seconds(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_a_date_in_retry_after_is_converted_to_seconds_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    seconds = retry_after({"Retry-After": date})

    assert seconds is not None
    assert 25 < seconds <= 30


class TestThrottle:
    # If fewer than 100 requests remain, the delay is (1 - remaining / 100) * 16 workers / 25 reads
    # a second.
    @pytest.mark.parametrize(
        ("remaining", "seconds"),
        [(None, 0.0), ("11999", 0.0), ("100", 0.0), ("50", 0.32), ("0", 0.64), ("many", 0.0)],
    )
    def test_the_delay_grows_as_fewer_requests_remain(
        self, remaining: str | None, seconds: float
    ) -> None:
        throttle = Throttle(16, READS)
        throttle.note(remaining)

        assert throttle.delay == pytest.approx(seconds)

    @pytest.mark.parametrize("refill", [READS, WRITES])
    def test_an_empty_bucket_limits_all_workers_to_its_refill(self, refill: float) -> None:
        throttle = Throttle(16, refill)
        throttle.note("0")

        # If each of 16 workers waits for the delay, all workers together send `refill` requests a
        # second.
        assert 16 / throttle.delay == pytest.approx(refill)

    @pytest.mark.parametrize(
        ("methods", "seconds"),
        [(("GET", "PUT", "GET"), 16 / READS), (("PUT", "GET", "PUT"), 16 / WRITES)],
    )
    def test_reads_and_writes_are_throttled_separately(
        self, methods: Sequence[str], seconds: float
    ) -> None:
        kind = "reads" if methods[0] == "GET" else "writes"
        none_left = {f"x_ms_ratelimit_remaining_subscription_{kind}": "0"}
        waits: list[float] = []
        transport = SharedTransport(16, sleep=waits.append)
        transport.session.mount("https://", Script(answer(200, None, **none_left)))

        for method in methods:
            transport.send(HttpRequest(method, URL))
        transport.close()

        # Only the third request waits, because the response to the first request says that the
        # bucket for this kind of request is empty.
        assert waits == [pytest.approx(seconds)]


class TestMessages:
    """Each message is one line that says what is wrong and what to do."""

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (401, "InvalidAuthenticationTokenTenant", "az login --tenant"),
            (403, "AuthorizationFailed", "ask for the role Reader on"),
            (404, "SubscriptionNotFound", "no subscription 0000 .*check `subscription_id`"),
            (404, "ResourceGroupNotFound", "no resource group ml-dev .*check `resource_group`"),
            (404, "ResourceNotFound", "no workspace ws-dev .*check `workspace`"),
            (404, "ParentResourceNotFound", "no workspace ws-dev "),
            (429, "TooManyRequests", "management.azure.com allows no more .*--parallel"),
            (500, "InternalError", "failed after all retries"),
            (400, "UserError", r"refused the request \(UserError\): Because"),
        ],
    )
    def test_the_error_of_a_refused_request_says_what_to_do(
        self, status: int, code: str, expected: str
    ) -> None:
        script = Script(answer(status, failure(code)))

        with pytest.raises(TargetError, match=expected) as caught:
            list(rest(script, time_limit=1.0).items(URL, {}))

        assert "\n" not in str(caught.value)

    def test_the_message_contains_the_missing_role_for_writing(self) -> None:
        message = (
            "The client 'x' does not have authorization to perform action 'y' over scope "
            "'/subscriptions/0000/resourceGroups/ml-dev/providers/M/workspaces/ws-dev/a' or the "
            "scope is invalid."
        )
        script = Script(answer(403, failure("AuthorizationFailed", message)))

        with pytest.raises(TargetError, match="AzureML Data Scientist on the workspace ws-dev"):
            rest(script).put(URL, {}, {})

    def test_the_message_about_a_refused_upload_contains_the_storage_account(self) -> None:
        url = "https://stdev.blob.core.windows.net/azureml/LocalUpload/0/ctx/Dockerfile"

        error = refused(403, None, "PUT", url)

        assert "upload to the storage account stdev" in str(error)
        assert "Storage Blob Data Contributor" in str(error)

    def test_the_message_contains_the_unreachable_host(self) -> None:
        text = (
            "HTTPSConnectionPool(host='stdev.blob.core.windows.net', port=443): Max retries "
            "exceeded (Caused by NewConnectionError('Connection refused'))"
        )

        error = explained(ServiceRequestError(text), "https://management.azure.com")

        assert str(error).startswith(
            "stdev.blob.core.windows.net cannot be reached: the connection was refused."
        )

    # azure-core and azure-storage-blob quote the URL of the request, which can be a signed URL.
    @pytest.mark.parametrize(
        "error",
        [
            AzureError(f"Cannot read {SIGNED}"),
            ServiceRequestError(f"Tunnel connection failed: {'x' * 60} {SIGNED}"),
            HttpResponseError(f"Cannot read {SIGNED}"),
            HttpResponseError(f"{'x' * 140} {SIGNED}"),
        ],
    )
    def test_the_message_contains_no_signature(self, error: AzureError) -> None:
        message = str(explained(error, SIGNED))

        assert "a1b2" not in message
        assert "sig=***" in message

    def test_the_message_about_a_response_contains_no_signature(self) -> None:
        error = refused(409, failure("Conflict", f"{SIGNED} exists."), "PUT", SIGNED)

        assert "a1b2" not in str(error)

    def test_the_message_contains_the_innermost_error_code(self) -> None:
        inner: JSON = {
            "code": "BadArgument",
            "innerError": {"code": "NewRecommendedPythonVersions"},
        }
        info: JSON = [{"type": "InnerError", "info": {"value": inner}}]
        body: JSON = {"error": {"code": "UserError", "message": "Old.", "additionalInfo": info}}

        assert error_details(body).inner == "NewRecommendedPythonVersions"


@pytest.mark.parametrize(
    ("name", "manager", "authority"),
    [
        ("AzureCloud", "https://management.azure.com", "login.microsoftonline.com"),
        ("AzureUSGovernment", "https://management.usgovcloudapi.net", "login.microsoftonline.us"),
        ("AzureChinaCloud", "https://management.chinacloudapi.cn", "login.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_addresses(name: str, manager: str, authority: str) -> None:
    found = cloud(name)

    assert (found.manager, found.authority) == (manager, authority)
    assert found.scope.endswith("/.default")
