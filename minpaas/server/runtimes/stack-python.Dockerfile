# Made by MinPaas from runtimes/stack-python.Dockerfile
FROM {{ base }} AS run
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      ca-certificates libpq5 libffi8 libxml2 libxslt1.1 libjpeg62-turbo media-types tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --shell /bin/bash app \
    && mkdir /app && chown app:app /app
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    VIRTUAL_ENV=/venv LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/home/app
WORKDIR /app

FROM run AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      build-essential pkg-config git curl {{ "" if official else "python3-dev" }} \
      libpq-dev libffi-dev libssl-dev libxml2-dev libxslt1-dev libjpeg62-turbo-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never HOME=/root
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv \
    && mv /opt/uv/bin/uv /usr/local/bin/uv && rm -rf /opt/uv \
    && uv venv --quiet --python "$(command -v python3)" /venv
