FROM tensorflow/tensorflow:2.16.1-gpu
MAINTAINER Ada Example <ada@example.org>
RUN pip install --upgrade pip
RUN pip install pandas scikit-learn matplotlib
ADD . /project
WORKDIR /project
CMD python train.py --epochs 10
