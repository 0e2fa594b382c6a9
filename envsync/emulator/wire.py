"""Between the JSON of Azure ML's REST resources and a store's rows, both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import yaml

from envsync.canonical import JSON, canonical_json
from envsync.emulator.errors import user_error
from envsync.targets.rows import (
    FIXED_EXTRA,
    NewVersion,
    VersionRecord,
    VersionSpec,
    Written,
    parsed_tags,
)

_ROUTES = {
    "livenessRoute": "liveness_route",
    "readinessRoute": "readiness_route",
    "scoringRoute": "scoring_route",
}
_OS_TYPES = {"linux": "Linux", "windows": "Windows"}
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview)?")
_OLD_PYTHON = re.compile(r"python\s*={1,2}\s*((?:2|3\.[0-7])(?:\.[\d.*]+)?)\s*")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which keys a version of the API answers with.

    Attributes:
        modern: it knows stages, rebuilds and provisioning states.
        preview: it knows automatic deletion and intellectual property, too.
    """

    modern: bool
    preview: bool


def shape_of(api_version: str) -> Shape:
    """What an `api-version` answers with.

    As recorded for 2022-05-01, 2023-04-01-preview and 2021-10-01-dataplanepreview; for 2024-04-01
    as its OpenAPI says.
    """
    match = _DATED.fullmatch(api_version)
    modern = match is not None and match[1] >= "2023-04-01"
    return Shape(modern, modern and match is not None and match[2] is not None)


def properties_of(body: JSON) -> dict[str, JSON]:
    """The `properties` of a body, without those that are null, which stand for absent ones.

    Raises:
        ServiceError: there are none (400).
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("The request body must have a JSON object as its properties.")
    return {key: value for key, value in properties.items() if value is not None}


def written(properties: Mapping[str, JSON]) -> Written:
    """What a PUT says of the part that may change.

    A stage, where there is one, says whether the version is archived (OpenAPI, AssetBase).

    Raises:
        ServiceError: a value has another type (400).
    """
    stage = _text(properties, "stage")
    archived = _flag(properties, "isArchived")
    return Written(
        description=_text(properties, "description"),
        tags=_texts(properties, "tags"),
        properties=_texts(properties, "properties"),
        archived=archived if stage is None else stage == "Archived",
        stage=stage,
    )


def new_version(
    name: str, version: str, properties: Mapping[str, JSON], *, end_of_life_python: bool
) -> NewVersion:
    """The version that a PUT describes, with the service's defaults filled in.

    Args:
        name: of the environment.
        version: its own name.
        properties: of the body.
        end_of_life_python: whether a conda file may ask for a Python before 3.8.

    Raises:
        ServiceError: the service would not take it (400).
    """
    conda, text = _conda(properties, end_of_life_python)
    uri, dockerfile = _build(properties)
    say = written(properties)
    anonymous = _flag(properties, "isAnonymous")
    stage = say.stage or ("Logged" if anonymous else "Development")
    extra: dict[str, JSON] = {
        "condaFile": text,
        "isAnonymous": anonymous,
        "autoRebuild": _text(properties, "autoRebuild") or FIXED_EXTRA["autoRebuild"],
        "stage": stage,
    }
    return NewVersion(
        name,
        version,
        VersionSpec(
            image=_text(properties, "image") or None,
            conda_file=conda,
            build_uri=uri,
            build_context=None,
            dockerfile_path=dockerfile,
            os_type=_os_type(properties),
            inference_config=_inference(properties),
        ),
        say.description,
        say.tags or {},
        properties=say.properties or {},
        extra=extra,
    )


def version_properties(
    record: VersionRecord, shape: Shape, *, archived: bool, context_uri: str | None
) -> dict[str, JSON]:
    """The `properties` of a version's resource, in the order of recorded answers.

    Args:
        record: the version.
        shape: which keys the client's API version has.
        archived: the state that it is shown in.
        context_uri: where its build context lies, if it has one.
    """
    row, extra = record.row, json.loads(record.extra)
    conda = extra.get("condaFile")
    if conda is None:
        conda = "" if row.conda_file is None else json.dumps(json.loads(row.conda_file), indent=2)
    optional: dict[str, JSON] = {"image": row.image, "condaFile": conda}
    if context_uri is not None:
        optional["build"] = {"contextUri": context_uri, "dockerfilePath": row.dockerfile_path}
    optional["osType"] = row.os_type
    if row.inference_config is not None:
        routes = json.loads(row.inference_config)
        optional["inferenceConfig"] = {
            key: {"port": routes[name]["port"], "path": routes[name]["path"]}
            for key, name in _ROUTES.items()
        }
    return {
        "description": row.description,
        "tags": cast("JSON", parsed_tags(row.tags)),
        "properties": cast("JSON", parsed_tags(record.properties)),
        "isArchived": archived,
        "isAnonymous": extra.get("isAnonymous", False),
        **({"autoDeleteSetting": None} if shape.preview else {}),
        "environmentType": "Curated" if row.curated else "UserCreated",
        **{key: value for key, value in optional.items() if value is not None},
        **(_life(extra) if shape.modern else {}),
        **({"intellectualProperty": None} if shape.preview else {}),
    }


def system_data(created_at: str, created_by: str) -> dict[str, JSON]:
    """Who made a resource, and when. The service shows no later change (recordings)."""
    return {
        "createdAt": created_at,
        "createdBy": created_by,
        "createdByType": "User",
        "lastModifiedAt": created_at,
        "lastModifiedBy": created_by,
        "lastModifiedByType": "User",
    }


def _life(extra: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "autoRebuild": extra.get("autoRebuild", FIXED_EXTRA["autoRebuild"]),
        "provisioningState": "Succeeded",
        "stage": extra.get("stage", "Development"),
    }


def _conda(properties: Mapping[str, JSON], end_of_life: bool) -> tuple[str | None, str]:
    """A conda file as canonical JSON, and as the service rewrites it: indented, in its order."""
    text = _text(properties, "condaFile")
    if not text:
        return None, ""
    try:
        meaning = _meaning(text)
        canonical = canonical_json(meaning)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise user_error(f"The conda file cannot be read: {error}", inner="InvalidCondaFile") from (
            error
        )
    if not isinstance(meaning, dict):
        raise user_error("The conda file has to be a mapping.", inner="InvalidCondaFile")
    if not end_of_life:
        _check_python(meaning)
    return canonical, json.dumps(meaning, indent=2)


def _meaning(text: str) -> JSON:
    try:
        return cast("JSON", json.loads(text))
    except ValueError:
        return cast("JSON", yaml.safe_load(text))


def _check_python(conda: Mapping[str, JSON]) -> None:
    dependencies = conda.get("dependencies")
    for item in dependencies if isinstance(dependencies, list) else []:
        if isinstance(item, str) and (match := _OLD_PYTHON.fullmatch(item)):
            raise user_error(
                f"Python versions matching the specification {match[1]} have reached or are "
                "nearing end-of-life. Python versions 3.8+ are recommended.",
                inner="NewRecommendedPythonVersions",
            )


def _build(properties: Mapping[str, JSON]) -> tuple[str | None, str | None]:
    build = properties.get("build")
    if build is None:
        return None, None
    if not isinstance(build, dict):
        raise user_error("build has to be an object.")
    uri = _text(build, "contextUri")
    if not uri:
        raise user_error("build needs a contextUri.")
    return uri, _text(build, "dockerfilePath") or "Dockerfile"


def _inference(properties: Mapping[str, JSON]) -> str | None:
    config = properties.get("inferenceConfig")
    if config is None:
        return None
    routes: dict[str, JSON] = {}
    for key, name in _ROUTES.items():
        route = config.get(key) if isinstance(config, dict) else None
        path, port = (route.get("path"), route.get("port")) if isinstance(route, dict) else (0, 0)
        if not isinstance(path, str) or type(port) is not int:
            raise user_error(f"inferenceConfig needs a {key} with port and path.")
        routes[name] = {"path": path, "port": port}
    return canonical_json(routes)


def _os_type(properties: Mapping[str, JSON]) -> str:
    text = _text(properties, "osType") or "Linux"
    if text.lower() not in _OS_TYPES:
        raise user_error(f"{text} is no operating system type: Linux or Windows.")
    return _OS_TYPES[text.lower()]


def _text(properties: Mapping[str, JSON], key: str) -> str | None:
    value = properties.get(key)
    if value is not None and not isinstance(value, str):
        raise user_error(f"{key} has to be a string.")
    return value


def _flag(properties: Mapping[str, JSON], key: str) -> bool:
    value = properties.get(key, False)
    if not isinstance(value, bool):
        raise user_error(f"{key} has to be true or false.")
    return value


def _texts(properties: Mapping[str, JSON], key: str) -> dict[str, str] | None:
    value = properties.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise user_error(f"{key} has to be an object.")
    texts: dict[str, str] = {}
    for name, text in value.items():
        if isinstance(text, str):
            texts[name] = text
        elif text is not None:  # OpenAPI allows null there, which is taken for an absent one
            raise user_error(f"{key}.{name} has to be a string.")
    return texts
