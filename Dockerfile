# An image for CI jobs that run envsync: GitLab CI, container jobs of GitHub and Azure Pipelines.
#
#     docker build --tag envsync https://github.com/envsync/envsync.git#v0.1.0
#     docker run --rm --volume "$PWD:/project" envsync envsync validate
#
# There is no ENTRYPOINT, because CI systems start a shell in the image. The user is root, because
# runners mount directories that belong to other users.

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY envsync ./envsync
RUN python -m venv /opt/envsync \
  && /opt/envsync/bin/python -m pip install --no-cache-dir '.[azure]'

FROM python:${PYTHON}-slim
# Debian removes old versions from its archive, so a fixed version of git would break later builds.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends git \
  && rm -rf /var/lib/apt/lists/* \
  # A runner's checkout belongs to another user than root. Without this setting, git refuses to read
  # the checkout, and envsync cannot compare commits.
  && git config --system --add safe.directory '*'
COPY --from=build /opt/envsync /opt/envsync
ENV PATH="/opt/envsync/bin:${PATH}"
WORKDIR /project
CMD ["envsync", "--help"]
