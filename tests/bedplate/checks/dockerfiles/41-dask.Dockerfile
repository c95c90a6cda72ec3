FROM ghcr.io/dask/dask:2024.7.0-py3.11
ENV EXTRA_PIP_PACKAGES="s3fs gcsfs"
RUN /opt/conda/bin/conda install --name base --yes --channel conda-forge --override-channels \
      "xarray>=2024.6" zarr==2.18.2 conda-forge::netcdf4=1.7.1 && \
    /opt/conda/bin/conda clean --all --yes
CMD ["dask", "scheduler"]
