FROM --platform=linux/amd64 python:3.10-slim AS train
WORKDIR /train
COPY train.py .

FROM --platform=$TARGETPLATFORM python:3.10-slim AS serve
COPY --from=train /train /serve
COPY bin/server-${TARGETARCH} /usr/local/bin/server

FROM --platform=linux/arm64 python:3.10-slim AS serve-arm64
COPY --from=train /train /serve
CMD ["python"]
