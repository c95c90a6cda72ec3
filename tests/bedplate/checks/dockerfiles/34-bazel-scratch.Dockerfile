FROM golang:1.22 AS build
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/gateway ./cmd/gateway

FROM scratch
ENV MODEL_DIR=/models CONFIG=$MODEL_ROOT/config.yaml
COPY --from=build /out/gateway /gateway
EXPOSE 8500:8500 9000/UDP
ENTRYPOINT ["/gateway"]
