FROM debian:bookworm-slim AS base
RUN apt-get update \
 && apt-get install --no-install-recommends -y python3=3.11.2-1+b1 python3-venv=3.11.2-1+b1 \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /venv
ENV PATH="/venv/bin:$PATH" VIRTUAL_ENV=/venv
RUN /venv/bin/pip install --require-virtualenv lightgbm==4.4.0
RUN groupadd -g 999 app && useradd -r -u 999 -g app app
USER 999
HEALTHCHECK NONE
CMD ["/venv/bin/python", "-m", "app"]
