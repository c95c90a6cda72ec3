FROM nvcr.io/nvidia/tritonserver:24.06-py3
RUN pip install transformers==4.42.4 sentencepiece==0.2.0
COPY model_repository /models
ENV TRITON_MODEL_DIR=/models
EXPOSE 8000/tcp 8001/tcp 8002/tcp
CMD ["tritonserver", "--model-repository=/models"]
