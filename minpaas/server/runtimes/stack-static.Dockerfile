# Made by MinPaas from runtimes/stack-static.Dockerfile
FROM {{ base }} AS run
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light \
    && rm -rf /var/lib/apt/lists/* /var/www /etc/nginx/sites-* \
    && useradd --create-home --shell /bin/bash app \
    && mkdir -p /site /etc/minpaas
COPY serve-site /usr/local/bin/serve-site
ENV HOME=/home/app
WORKDIR /site
CMD ["serve-site"]
