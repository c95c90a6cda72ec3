ARG CUDA=12.2.0
FROM nvidia/cuda:${CUDA_VER}-runtime-ubuntu22.04
RUN apt-get update && apt-get install -y python3
CMD ["nvidia-smi"]
