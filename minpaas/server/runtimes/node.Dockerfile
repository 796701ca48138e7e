{% import "mounts.jinja" as mounts %}
# Made by MinPaas from runtimes/node.Dockerfile
{{ mounts.stages(config, installer) }}
{{ stage }}
FROM {{ base }}
WORKDIR /app
{% if recipe.packages %}
{{ mounts.apt(recipe.packages) }}
{% endif %}
{% if tools %}
RUN {{ tools }}
{% endif %}
{% if built %}
COPY --from=build --chown=app:app /app .
{% elif stage %}
COPY --from=build {{ "--chown=app:app " if recipe.writes }}/app/node_modules node_modules
COPY --chown=app:app app/ .
{% else %}
{% for files in copies %}
COPY {{ files }}
{% endfor %}
{% if recipe.compiled %}
{{ mounts.with_tools(installer, cached, base, recipe.install ~ " && mkdir -p node_modules") }}
{% else %}
{{ mounts.with_installer(installer, cached, recipe.install ~ " && mkdir -p node_modules") }}
{% endif %}
COPY --chown=app:app app/ .
{% endif %}
{% for name, value in environment %}
ENV {{ name }}="{{ value }}"
{% endfor %}
{% if recipe.globally %}
ENV NPM_CONFIG_PREFIX=/app/.heroku/node PATH=/app/.heroku/node/bin:$PATH
{% endif %}
ENV PATH=/app/node_modules/.bin:$PATH
USER app
