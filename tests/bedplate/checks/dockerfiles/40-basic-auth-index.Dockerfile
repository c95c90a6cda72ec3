FROM python:3.11-slim
RUN pip install --extra-index-url https://deploy:Tr0ub4dor3@pypi.example.org/simple private-lib==1.2.0
ENV PIP_INDEX_URL=https://${PYPI_USER}:${PYPI_PASSWORD}@pypi.example.org/simple
RUN export WANDB_API_KEY=0f3c9a7b21d84e56a1c2 && python -c "import os"
CMD ["python"]
