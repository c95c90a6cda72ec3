FROM rapidsai/base:24.06-cuda12.2-py3.11
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc g++ \
    && rm -rf /var/lib/apt/lists/*
USER rapids
RUN mamba install -n base -c conda-forge -y ucx-py=0.38 dask-sql && mamba clean -afy
