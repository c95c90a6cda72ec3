FROM python:3.9-slim as Base
run pip install flask==3.0.3
WORKDIR /app
COPY . .
Cmd ["flask", "run"]
