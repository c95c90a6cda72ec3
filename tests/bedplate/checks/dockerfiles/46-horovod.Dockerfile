FROM nvidia/cuda:11.8.0-devel-ubuntu20.04
ARG python=3.8
ARG PYTHON_VERSION=${python}
SHELL ["/bin/bash", "-cu"]
RUN apt-get update && apt-get install -y --allow-downgrades --allow-change-held-packages --no-install-recommends \
        libnccl2=2.15.5-1+cuda11.8 \
        python${PYTHON_VERSION} \
        openssh-client
RUN HOROVOD_GPU_OPERATIONS=NCCL pip install --no-cache-dir horovod[pytorch]==0.28.1
RUN mkdir -p /var/run/sshd && cat /etc/ssh/ssh_config | grep -v StrictHostKeyChecking > /etc/ssh/ssh_config.new
WORKDIR "/examples"
CMD bash
