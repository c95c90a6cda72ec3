FROM python:3.11-slim
COPY . /app
WORKDIR /app
CMD ["python", "train.py"]
RUN pip install --no-cache-dir -r requirements.txt
CMD ["python", "serve.py"]
HEALTHCHECK CMD python health.py
