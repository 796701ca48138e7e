# Made by MinPaas from runtimes/node.Dockerfile
FROM {{ base }}-build AS build
WORKDIR /app
{% for file in manifests %}
COPY app/{{ file }} {{ file }}
{% endfor %}
RUN {{ install }} --include=dev --no-audit --no-fund
{% if build %}
COPY app/ .
RUN npm run {{ build }}
{% endif %}
{% if prune %}
RUN npm prune --omit=dev --no-audit --no-fund
{% endif %}
{% if not dependencies %}
RUN mkdir -p node_modules
{% endif %}

FROM {{ base }}
WORKDIR /app
{% if build %}
COPY --from=build --chown=app:app /app .
{% else %}
COPY --from=build /app/node_modules node_modules
COPY --chown=app:app app/ .
{% endif %}
ENV NODE_ENV=production
USER app
