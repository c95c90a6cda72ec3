FROM python:3.11-slim
WORKDIR /app
# bedplate: ignore=UnpinnedPip our index holds one version only
RUN pip install --index-url https://pypi.example.org/simple ours-core ours-models
RUN pip install \
    # bedplate: ignore=UnpinnedPip tested with every release
    ours-extra
COPY . .
CMD ["python", "-m", "ours"]
