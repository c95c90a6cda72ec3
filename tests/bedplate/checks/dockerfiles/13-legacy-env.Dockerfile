FROM python:3.8
ENV PYTHONUNBUFFERED 1
ENV APP_HOME /srv/app
LABEL version 1.0
WORKDIR $APP_HOME
COPY . $APP_HOME
RUN pip install -r requirements.txt
CMD ["python", "manage.py", "runserver", "0.0.0.0:8000"]
