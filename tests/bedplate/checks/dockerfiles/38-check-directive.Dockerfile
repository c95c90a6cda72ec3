# syntax=docker/dockerfile:1
# check=skip=JSONArgsRecommended,StageNameCasing
FROM python:3.11-slim AS Train
WORKDIR /app
COPY . .
CMD python train.py
