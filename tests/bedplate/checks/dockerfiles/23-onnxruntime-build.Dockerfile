FROM ubuntu:20.04 AS build
ARG ONNX_VERSION=1.18.0
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
      cmake=3.16.3-1ubuntu1 \
      g++=4:9.3.0-1ubuntu2
ADD https://github.com/microsoft/onnxruntime/archive/refs/tags/v1.18.0.tar.gz /src/
RUN cd /src && tar xzf v${ONNX_VERSION}.tar.gz

FROM ubuntu:20.04
COPY --from=build /src /opt/onnxruntime
ENV LD_LIBRARY_PATH=/opt/onnxruntime/lib
