"""The hidden first line of the comments and issues of the action."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.action.marker import MAX_LENGTH, Marker, read_marker

DIGEST = "sha256:" + "0" * 64
PLACE = ["plan", ".", "dev", 7]
text = st.text(st.characters(exclude_categories=["Cs"]))


@given(kind=text, directory=text, target=text, changes=st.dictionaries(text, text))
def test_a_marker_with_any_names_is_equal_after_a_round_trip(
    kind: str, directory: str, target: str, changes: dict[str, str]
) -> None:
    marker = Marker(
        kind, directory, target, DIGEST, changes, number=7, head=target, time="2026-11-20T10:00:00Z"
    )
    line = marker.line()

    assert line.count("-->") == line.count("<!--") == line.count("\n") == 1
    if len(line) < MAX_LENGTH // 2:
        assert read_marker(line + "text") == marker


def test_a_marker_without_room_for_fingerprints_leaves_them_out() -> None:
    changes = {f"create {index}": f"{index * 7919:012x}" for index in range(9_000)}
    line = Marker("plan", ".", "dev", digest=DIGEST, changes=changes).line()

    assert len(line) < MAX_LENGTH
    assert read_marker(line) == Marker("plan", ".", "dev", digest=DIGEST)


def packed(data: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(data).encode())).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "A comment.",
        "> " + Marker("plan", ".", "dev").line(),
        "quoted:\n" + Marker("plan", ".", "dev").line(),
        "<!-- envsync !!!! -->\n",
        "<!-- envsync AAAA -->\n",
        f"<!-- envsync {packed('text')} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev', None, '', '', 1, None])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev', '7', '', '', DIGEST, None])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev', True, '', '', DIGEST, None])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev', 7, None, '', DIGEST, None])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev'])} -->\n",
        f"<!-- envsync {packed([*PLACE, '', '', DIGEST, {'a': 'x' * 3_000_000}])} -->\n",
        f"<!-- envsync {base64.b64encode(zlib.compress(b'[' * 3_000_000)).decode()} -->\n",
    ],
)
def test_an_invalid_marker_is_ignored(body: str) -> None:
    assert read_marker(body) is None


def test_a_marker_with_crlf_is_read() -> None:
    line = Marker("plan", ".", "dev", digest=DIGEST).line().replace("\n", "\r\n")

    assert read_marker(line + "text\r\n") == Marker("plan", ".", "dev", digest=DIGEST)


def test_a_marker_replaces_markers_of_the_same_command_directory_and_target() -> None:
    marker = Marker("plan", ".", "dev", digest=DIGEST)

    assert marker.replaces(Marker("plan", ".", "dev"))
    assert not any(
        marker.replaces(other)
        for other in (
            Marker("apply", ".", "dev"),
            Marker("plan", "ml", "dev"),
            Marker("plan", ".", "prod"),
        )
    )


@pytest.mark.parametrize("changes", [1, ["a"], {"a": 1}, {"a": ["b"]}])
def test_changes_that_are_not_fingerprints_are_ignored(changes: object) -> None:
    line = f"<!-- envsync {packed([*PLACE, 'abc', '', DIGEST, changes])} -->\n"

    assert read_marker(line) == Marker("plan", ".", "dev", DIGEST, number=7, head="abc")
