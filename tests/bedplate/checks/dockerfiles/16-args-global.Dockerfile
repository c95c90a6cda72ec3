ARG PYTHON_VERSION=3.11
ARG DEBIAN=bookworm
FROM python:${PYTHON_VERSION}-slim-${DEBIAN}
LABEL python.version="${PYTHON_VERSION}" debian="${DEBIAN}"
WORKDIR /app
COPY . .
CMD ["python", "app.py"]
