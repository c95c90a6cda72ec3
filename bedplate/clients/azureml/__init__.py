"""azureml: the clients of Azure ML: storage, assets, versions, scoring."""
