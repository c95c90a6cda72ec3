FROM python:3.12-slim@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef AS base
ARG EXTRAS=serve
WORKDIR /opt/app
COPY setup.py setup.cfg ./
RUN pip install ".[${EXTRAS}]" && echo "pip install anything" && pip --version
RUN if [ "$EXTRAS" = "train" ]; then pip install deepspeed==0.14.4; else echo no; fi
RUN for p in black isort; do pip install $p; done
RUN python -m pip install --upgrade pip==24.1.2 setuptools==70.3.0
USER nobody
CMD ["serve"]
