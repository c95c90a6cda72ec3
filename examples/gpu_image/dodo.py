"""What `doit` runs: the tasks of pipeline.yaml, and any of your own that you write below."""

from bedplate.tasks import pipeline

pipeline(__file__)
