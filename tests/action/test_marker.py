"""The hidden first line of the comments and issues of the action."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.action.marker import MAX_LENGTH, Marker, fingerprints, read_marker
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, FieldChange, Rejection
from envsync.plan.plan import Plan

DIGEST = "sha256:" + "0" * 64
text = st.text(st.characters(exclude_categories=["Cs"]))


@given(kind=text, directory=text, target=text, changes=st.dictionaries(text, text))
def test_a_marker_with_any_names_is_equal_after_a_round_trip(
    kind: str, directory: str, target: str, changes: dict[str, str]
) -> None:
    marker = Marker(kind, directory, target, digest=DIGEST, changes=changes)
    line = marker.line()

    assert line.count("-->") == line.count("<!--") == line.count("\n") == 1
    if len(line) < MAX_LENGTH // 2:
        assert read_marker(line + "text") == marker


def test_fingerprints_that_do_not_fit_are_left_out() -> None:
    changes = {f"create {index}": f"{index * 7919:012x}" for index in range(5_000)}
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
        f"<!-- envsync {packed(['plan', '.', 'dev', 1, None])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev'])} -->\n",
        f"<!-- envsync {packed(['plan', '.', 'dev', DIGEST, {'a': 'x' * 3_000_000}])} -->\n",
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


def test_the_fingerprint_of_a_change_does_not_depend_on_the_reason() -> None:
    def plan(reason: str, after: str) -> Plan:
        update = Change(
            action=Action.UPDATE,
            scope="version",
            name="a",
            version="1",
            reason=reason,
            fields=(FieldChange("tags.a", "1", after),),
            predecessor=reason,
            differs=(FieldChange("tags.a", reason, "1"),),
        )
        rejection = Rejection(code="immutable", name="b", version=None, message=reason, fix="fix")
        return Plan(
            project="p",
            target=TargetIdentity("dev", "local", "x"),
            changes=(update,),
            rejections=(rejection,),
        )

    assert list(fingerprints(plan("why", "2"))) == ["update a:1", "reject b"]
    assert fingerprints(plan("why", "2")) == fingerprints(plan("because", "2"))
    assert fingerprints(plan("why", "2")) != fingerprints(plan("why", "3"))
