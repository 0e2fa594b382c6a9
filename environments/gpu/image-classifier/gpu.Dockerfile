FROM mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20241215.v1

ENV AZUREML_CONDA_ENVIRONMENT_PATH=/azureml-envs/image-classifier
RUN conda create --quiet --yes --prefix "$AZUREML_CONDA_ENVIRONMENT_PATH" \
    --override-channels --channel conda-forge python=3.11.10 pip=24.2
ENV PATH="$AZUREML_CONDA_ENVIRONMENT_PATH/bin:$PATH"

COPY requirements.txt /tmp/requirements.txt
RUN python -m pip install --no-cache-dir --requirement /tmp/requirements.txt
