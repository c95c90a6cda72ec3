FROM pytorch/pytorch:2.3.1-cuda12.1-cudnn8-runtime
RUN pip install numpy<2 transformers>=4.40 "datasets>=2.20"
RUN pip install -q accelerate==0.32.1 2>/dev/null || pip install accelerate==0.31.0 > /tmp/pip.log 2>&1
CMD ["python"]
