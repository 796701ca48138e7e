{% import "mounts.jinja" as mounts %}
FROM {{ base }}-build AS {{ name }}
WORKDIR /app
{% if recipe.packages %}
{{ mounts.apt(recipe.packages) }}
{% endif %}
{% for name, value in environment %}
ENV {{ name }}="{{ value }}"
{% endfor %}
{% if recipe.tool and recipe.manifests %}
RUN {{ recipe.tool }}
{% endif %}
{% for files in copies %}
COPY {{ files }}
{% else %}
COPY app/ .
{% endfor %}
{% if recipe.tool and not recipe.manifests %}
RUN {{ recipe.tool }}
{% endif %}
{% if recipe.globally %}
ENV NPM_CONFIG_PREFIX=/app/.heroku/node PATH=/app/.heroku/node/bin:$PATH
{% endif %}
{% for command in recipe.before %}
{{ mounts.with_config(config, command) }}
{% endfor %}
{{ mounts.with_installer(installer, cached, recipe.install ~ " && mkdir -p node_modules") }}
{% if recipe.build or recipe.prune %}
{% if recipe.manifests %}
COPY app/ .
{% endif %}
{% for command in recipe.build %}
{{ mounts.with_config(config, command) }}
{% endfor %}
{% if recipe.prune %}
{{ mounts.with_installer(installer, cached, recipe.prune) }}
{% endif %}
{% endif %}
