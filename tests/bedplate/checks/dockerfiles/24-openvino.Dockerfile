FROM openvino/ubuntu22_runtime:2024.2.0
USER root
RUN python3 -m pip install --no-cache-dir openvino-dev[onnx]==2024.2.0
USER openvino
COPY --chown=openvino model /model
HEALTHCHECK --interval=30s CMD curl -f http://localhost:9000/v1/config || exit 1
ENTRYPOINT ["/ovms/bin/ovms"]
CMD ["--model_path", "/model", "--model_name", "m", "--port", "9000"]
