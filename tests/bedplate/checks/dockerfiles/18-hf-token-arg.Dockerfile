FROM python:3.11-slim
ARG HF_TOKEN
ENV HF_HOME=/cache
RUN pip install huggingface_hub==0.24.5 && \
    HF_TOKEN=$HF_TOKEN huggingface-cli download bert-base-uncased
ENV TOKENIZERS_PARALLELISM=false
CMD ["python", "-c", "print('ready')"]
