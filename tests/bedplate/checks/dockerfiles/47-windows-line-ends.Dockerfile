FROM python:3.11-slim
WORKDIR /app
RUN pip install \
    fastapi==0.111.1 \
    uvicorn[standard]==0.30.1
CMD ["uvicorn", "main:app"]
