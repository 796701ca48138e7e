# Made by MinPaas from runtimes/stack-python.Dockerfile
FROM {{ base }} AS system
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      ca-certificates media-types netbase tzdata {{ libraries }} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --shell /bin/bash app \
    && mkdir /app && chown app:app /app \
    && echo 'PATH=/venv/bin:$PATH' > /etc/profile.d/minpaas.sh # a login shell (bash -l) begins with Debian's own PATH
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    VIRTUAL_ENV=/venv LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/home/app
WORKDIR /app

FROM system AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      build-essential pkg-config git curl {{ "" if official else "python3-dev" }} \
      libpq-dev libffi-dev libssl-dev libxml2-dev libxslt1-dev libmariadb-dev libcurl4-openssl-dev \
      libjpeg62-turbo-dev libfreetype-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/venv \
    UV_TOOL_DIR=/opt/tools UV_TOOL_BIN_DIR=/usr/local/bin HOME=/root \
    UV_BUILD_CONSTRAINT=/usr/local/share/minpaas/build-constraints.txt \
    PIP_BUILD_CONSTRAINT=/usr/local/share/minpaas/build-constraints.txt
# what a step needs that runs on the run image, with this one's /usr in place of its own
RUN mkdir -p /usr/local/share/minpaas && echo "setuptools<81" > /usr/local/share/minpaas/build-constraints.txt \
    && export -p | grep -E "^export (PIP|SSL|REQUESTS|GIT|UV)_" > /usr/local/share/minpaas/env && echo "export HOME=/root" >> /usr/local/share/minpaas/env
# pip as on Heroku. setuptools and wheel come with every Python before 3.12, and old applications count on them; what counts on
# setuptools, here and in a setup.py, counts on pkg_resources, which version 81 and later have no more
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir uv \
    && mv /opt/uv/bin/uv /usr/local/bin/uv && rm -rf /opt/uv \
    && uv venv --quiet --no-cache --seed --python "$(command -v python3)" /venv{{ " \\\n    && uv pip install --quiet --no-cache 'setuptools<81' wheel" if seeded }}

FROM system AS run
COPY --from=build /venv /venv
