# syntax=docker/dockerfile:1
FROM debian:12-slim
RUN <<EOF
set -eux
apt-get update
# the compiler is for one wheel only
apt-get install -y --no-install-recommends gcc python3-dev
python3 -m pip install --break-system-packages scipy==1.14.0
rm -rf /var/lib/apt/lists/*
EOF
COPY <<EOF /etc/app.conf
workers = 4
EOF
CMD ["python3", "-m", "http.server"]
