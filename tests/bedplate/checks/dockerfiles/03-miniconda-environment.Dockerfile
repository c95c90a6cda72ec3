FROM continuumio/miniconda3:24.7.1-0

COPY environment.yml /tmp/environment.yml
RUN conda env create -f /tmp/environment.yml && conda clean -afy
ENV PATH=/opt/conda/envs/ml/bin:$PATH
SHELL ["conda", "run", "-n", "ml", "/bin/bash", "-c"]
RUN python -c "import numpy"
COPY src /src
CMD python /src/main.py
