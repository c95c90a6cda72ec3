FROM apache/airflow:2.9.2-python3.11
ARG AIRFLOW_VERSION=2.9.2
COPY constraints.txt /constraints.txt
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" apache-airflow-providers-amazon --constraint /constraints.txt
COPY --chown=airflow:root dags /opt/airflow/dags
