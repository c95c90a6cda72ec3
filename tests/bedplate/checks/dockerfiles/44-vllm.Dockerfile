FROM vllm/vllm-openai:v0.5.3
ENV HF_HUB_OFFLINE=1 VLLM_WORKER_MULTIPROC_METHOD=spawn
RUN --mount=type=cache,target=/root/.cache/pip pip install 'ray[default]'==2.32.0
COPY weights /weights
ENTRYPOINT ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "/weights"]
