"""Reads the JSON body of a PUT into the values of a store."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, cast

import yaml

from envsync.emulator.service.errors import user_error
from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import ROUTES
from envsync.targets.store.rows import FIXED_EXTRA, NewVersion, VersionSpec, Written

LABELS: Final = "azureml.labels"
"""The service adds this key to a version's `properties`, as recordings since 2023-10 show."""

_OS_TYPES = {"linux": "Linux", "windows": "Windows"}
_OLD_PYTHON = re.compile(r"python\s*={1,2}\s*((?:2|3\.[0-7])(?:\.[\d.*]+)?)\s*")


def properties_of(body: JSON) -> dict[str, JSON]:
    """Returns the `properties` of a body. Null properties are left out.

    Raises:
        ServiceError: the body has no `properties` (400).
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise user_error("The request body must have a JSON object as its properties.")
    return {key: value for key, value in properties.items() if value is not None}


def written(properties: Mapping[str, JSON], *, numbers: bool = True) -> Written:
    """Reads the values that can change after the creation of a version or container.

    Args:
        properties: the `properties` of the body.
        numbers: whether the value of a tag may be a number.

    Raises:
        ServiceError: a value has the wrong type (400).
    """
    stage = _text(properties, "stage")
    archived = _flag(properties, "isArchived")
    tags = properties.get("tags")
    numeric: dict[str, JSON] = {}
    if numbers and isinstance(tags, dict):
        numeric = {key: json.dumps(value) for key, value in tags.items() if _is_number(value)}
        tags = {**tags, **numeric}
    kept = _texts("properties", properties.get("properties"))
    if kept is not None:
        # Clients send back the properties that they read, including labels, which only the service
        # sets.
        kept.pop(LABELS, None)
    return Written(
        description=_text(properties, "description"),
        tags=_texts("tags", tags),
        properties=kept,
        # `stage` takes precedence over `isArchived`: a PUT with `isArchived: true` and `stage:
        # Development` does not archive the version, as in a recording of 2023-10.
        archived=archived if stage is None else stage == "Archived",
        stage=stage,
        numbers=frozenset(numeric),
    )


def new_version(
    name: str,
    version: str,
    *,
    properties: Mapping[str, JSON],
    mutable: Written,
    rename_conda: bool = False,
) -> NewVersion:
    """Reads a version, with the defaults of the service.

    Args:
        name: the name of the environment.
        version: the version.
        properties: the `properties` of the body.
        mutable: the part of the version that may change.
        rename_conda: whether to replace the `name` in the conda file.

    Raises:
        ServiceError: a property is invalid (400).
    """
    conda, text = _conda(properties, rename_conda)
    uri, dockerfile = _build(properties)
    anonymous = _flag(properties, "isAnonymous")
    stage = mutable.stage or ("Logged" if anonymous else "Development")
    extra: dict[str, JSON] = {
        "condaFile": text,
        "isAnonymous": anonymous,
        "autoRebuild": _text(properties, "autoRebuild") or FIXED_EXTRA["autoRebuild"],
        "stage": stage,
        **({"numbers": cast("JSON", sorted(mutable.numbers))} if mutable.numbers else {}),
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
        description=mutable.description,
        tags=mutable.tags or {},
        properties=mutable.properties or {},
        extra=extra,
    )


def check_python(new: NewVersion) -> None:
    """Checks that a conda file does not require a Python that has reached its end of life.

    Raises:
        ServiceError: the conda file requires a Python that has reached its end of life (400). The
            message is copied from the only recording of this error.
    """
    conda = None if new.spec.conda_file is None else json.loads(new.spec.conda_file)
    dependencies = conda.get("dependencies") if isinstance(conda, dict) else None
    for item in dependencies if isinstance(dependencies, list) else []:
        if isinstance(item, str) and (match := _OLD_PYTHON.fullmatch(item)):
            raise user_error(
                f"Python versions matching the specification {match[1]} have reached or are "
                "nearing end-of-life. Python versions 3.8+ are recommended.",
                inner="NewRecommendedPythonVersions",
            )


def _is_number(value: JSON) -> bool:
    # A JSON boolean in a tag is handled like a number.
    return isinstance(value, bool | int | float)


def _conda(properties: Mapping[str, JSON], rename: bool) -> tuple[str | None, str]:
    """Returns the conda file as canonical JSON, and as the text that the service returns.

    The service returns indented JSON with the keys in the order of the file.
    """
    text = _text(properties, "condaFile")
    if not text:
        return None, ""
    try:
        meaning = _meaning(text)
        if rename and isinstance(meaning, dict):
            nameless = {key: value for key, value in meaning.items() if key != "name"}
            # It is unknown how the service computes this digest. The emulator computes a different
            # digest of the same form.
            digest = hashlib.md5(canonical_json(nameless).encode(), usedforsecurity=False)
            meaning = {**meaning, "name": f"azureml_{digest.hexdigest()}"}
        canonical = canonical_json(meaning)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        message = f"The conda file cannot be read: {error}"
        raise user_error(message, inner="InvalidCondaFile") from error
    if not isinstance(meaning, dict):
        raise user_error("The conda file must be a mapping.", inner="InvalidCondaFile")
    return canonical, json.dumps(meaning, indent=2)


def _meaning(text: str) -> JSON:
    # JSON is valid YAML, but PyYAML is many times slower than the `json` module.
    try:
        return cast("JSON", json.loads(text))
    except ValueError:
        return cast("JSON", yaml.safe_load(text))


def _build(properties: Mapping[str, JSON]) -> tuple[str | None, str | None]:
    build = properties.get("build")
    if build is None:
        return None, None
    if not isinstance(build, dict):
        raise user_error("build must be an object.")
    uri = _text(build, "contextUri")
    if not uri:
        raise user_error("build needs a contextUri.")
    return uri, _text(build, "dockerfilePath") or "Dockerfile"


def _inference(properties: Mapping[str, JSON]) -> str | None:
    config = properties.get("inferenceConfig")
    if config is None:
        return None
    routes: dict[str, JSON] = {}
    for name, key in ROUTES.items():
        route = config.get(key) if isinstance(config, dict) else None
        path, port = (route.get("path"), route.get("port")) if isinstance(route, dict) else (0, 0)
        # Use `type` instead of `isinstance`, because a bool is an instance of int.
        if not isinstance(path, str) or type(port) is not int:
            raise user_error(f"inferenceConfig needs a {key} with port and path.")
        routes[name] = {"path": path, "port": port}
    return canonical_json(routes)


def _os_type(properties: Mapping[str, JSON]) -> str:
    text = _text(properties, "osType") or "Linux"
    if text.lower() not in _OS_TYPES:
        raise user_error(f"osType is {text!r}; it must be Linux or Windows.")
    return _OS_TYPES[text.lower()]


def _text(properties: Mapping[str, JSON], key: str) -> str | None:
    value = properties.get(key)
    if value is not None and not isinstance(value, str):
        raise user_error(f"{key} must be a string.")
    return value


def _flag(properties: Mapping[str, JSON], key: str) -> bool:
    value = properties.get(key, False)
    if not isinstance(value, bool):
        raise user_error(f"{key} must be true or false.")
    return value


def _texts(key: str, value: JSON) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise user_error(f"{key} must be an object.")
    texts: dict[str, str] = {}
    for name, text in value.items():
        if isinstance(text, str):
            texts[name] = text
        # The OpenAPI allows null as a value. Leave out a key whose value is null.
        elif text is not None:
            raise user_error(f"{key}.{name} must be a string.")
    return texts
