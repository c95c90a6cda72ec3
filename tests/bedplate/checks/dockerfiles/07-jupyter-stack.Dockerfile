ARG REGISTRY=quay.io
ARG OWNER=jupyter
FROM $REGISTRY/$OWNER/scipy-notebook:2024-07-29

USER root
RUN apt-get update --yes && \
    apt-get install --yes --no-install-recommends ffmpeg dvipng cm-super && \
    apt-get clean && rm -rf /var/lib/apt/lists/*
USER ${NB_UID}
RUN mamba install --yes \
    'xgboost=2.1' \
    'lightgbm' && \
    mamba clean --all -f -y && \
    fix-permissions "${CONDA_DIR}" && \
    fix-permissions "/home/${NB_USER}"
WORKDIR "${HOME}"
