FROM apache/spark:3.5.1-python3
USER root
ENV HADOOP_AWS=3.3.4
RUN curl -fsSL -o $SPARK_HOME/jars/hadoop-aws.jar \
    https://repo1.maven.org/maven2/org/apache/hadoop/hadoop-aws/${HADOOP_AWS}/hadoop-aws-${HADOOP_AWS}.jar
RUN pip install pyarrow==16.1.0 pandas==2.2.2
COPY jobs ${SPARK_HOME}/work-dir/jobs
USER spark
