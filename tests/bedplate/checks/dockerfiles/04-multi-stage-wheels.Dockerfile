FROM python:3.12 AS builder
WORKDIR /wheels
COPY requirements.txt .
RUN pip wheel --wheel-dir /wheels -r requirements.txt

FROM python:3.12-slim AS runtime
COPY --from=builder /wheels /wheels
RUN pip install --no-index --find-links=/wheels /wheels/*.whl && rm -rf /wheels
RUN useradd -m app
USER app
WORKDIR /home/app
COPY --chown=app:app service ./service
CMD ["python", "-m", "service"]
