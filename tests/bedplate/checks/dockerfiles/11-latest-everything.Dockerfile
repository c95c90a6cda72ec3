FROM ubuntu
RUN apt update && apt install -y python3 python3-pip wget
RUN pip3 install numpy
COPY app.py /
CMD ["python3", "/app.py"]
