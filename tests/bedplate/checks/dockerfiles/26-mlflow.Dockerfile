FROM python:3.10-slim-buster
RUN pip install mlflow==2.14.3 psycopg2-binary==2.9.9 boto3
EXPOSE 5000
CMD mlflow server \
    --backend-store-uri ${BACKEND_URI} \
    --default-artifact-root ${ARTIFACT_ROOT} \
    --host 0.0.0.0
