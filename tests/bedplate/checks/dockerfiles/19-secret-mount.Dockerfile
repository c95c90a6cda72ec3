# syntax=docker/dockerfile:1
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    pip install -r requirements.txt
RUN --mount=type=secret,id=token HF_TOKEN="$(cat /run/secrets/token)" python -c "import os"
COPY . .
USER 1001
CMD ["python", "serve.py"]
