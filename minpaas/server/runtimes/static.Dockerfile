{% import "mounts.jinja" as mounts %}
# Made by MinPaas from runtimes/static.Dockerfile
{% if pages %}
{{ mounts.stages(config, installer) }}
{{ pages }}
{% endif %}
FROM {{ base }}
COPY {{ "--from=build /app/" if pages else "app/" }}{{ root }} /site/
COPY config/site.conf /etc/minpaas/site.conf
USER app
CMD ["serve-site"]
