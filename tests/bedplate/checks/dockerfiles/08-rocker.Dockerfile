FROM rocker/r-ver:4.4.1
LABEL org.opencontainers.image.title="survival analysis"
RUN apt-get update && apt-get install -y libcurl4-openssl-dev libssl-dev libxml2-dev
RUN R -e "install.packages(c('survival', 'plumber'), repos = 'https://packagemanager.posit.co/cran/2024-07-01')"
COPY plumber.R /app/plumber.R
EXPOSE 8000
ENTRYPOINT ["R", "-e", "pr <- plumber::plumb('/app/plumber.R'); pr$run(host='0.0.0.0', port=8000)"]
