FROM mambaorg/micromamba:1.5.8-jammy
COPY --chown=$MAMBA_USER:$MAMBA_USER environment.yml /tmp/env.yaml
RUN micromamba install -y -n base -f /tmp/env.yaml && \
    micromamba clean --all --yes
ARG MAMBA_DOCKERFILE_ACTIVATE=1
COPY --chown=$MAMBA_USER:$MAMBA_USER src /home/$MAMBA_USER/src
CMD ["python", "/home/mambauser/src/run.py"]
