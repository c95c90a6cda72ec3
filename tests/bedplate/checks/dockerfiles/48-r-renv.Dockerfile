FROM r-base:4.4.1
ENV RENV_VERSION=1.0.7
RUN R -e "install.packages('remotes', repos = c(CRAN = 'https://cloud.r-project.org'))"
RUN R -e "remotes::install_version('renv', '${RENV_VERSION}')"
WORKDIR /project
COPY renv.lock renv.lock
RUN R -e "renv::restore()"
COPY . .
ENTRYPOINT Rscript run.R
