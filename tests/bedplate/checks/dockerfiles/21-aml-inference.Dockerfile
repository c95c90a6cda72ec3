FROM mcr.microsoft.com/azureml/minimal-py312-inference:20240709.v1
USER root
COPY requirements.txt /tmp/requirements.txt
RUN pip install -r /tmp/requirements.txt
USER dockeruser
EXPOSE 5001
CMD ["runsvdir", "/var/runit"]
