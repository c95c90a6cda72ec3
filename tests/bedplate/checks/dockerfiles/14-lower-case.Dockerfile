from python:3.9-alpine as base
run apk add --no-cache gcc musl-dev
workdir /app
copy . .
run pip install .
cmd ["python", "-m", "app"]
