FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20240709.v1
ENV AZUREML_CONDA_ENVIRONMENT_PATH=/azureml-envs/sklearn-1.5
RUN conda create -p $AZUREML_CONDA_ENVIRONMENT_PATH python=3.10 pip=24.0 -c conda-forge -y
ENV PATH=$AZUREML_CONDA_ENVIRONMENT_PATH/bin:$PATH
RUN pip install 'azureml-core==1.57.0' \
                'scikit-learn~=1.5.0' \
                'joblib>=1.4,<1.5'
ENV LD_LIBRARY_PATH=$AZUREML_CONDA_ENVIRONMENT_PATH/lib:$LD_LIBRARY_PATH
