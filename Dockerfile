# Two stages: wheels are built where compilers may be, and run where they need not be.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY migrations ./migrations
COPY tracesvc ./tracesvc
RUN python -m pip wheel --wheel-dir /wheels .

FROM python:3.13-slim
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /wheels /wheels
RUN python -m pip install --no-index --find-links /wheels tracesvc && rm -rf /wheels \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tracesvc \
 && install -d -o tracesvc -g tracesvc -m 0700 /var/lib/tracesvc

USER tracesvc
WORKDIR /var/lib/tracesvc
ENV TRACESVC_HOST=0.0.0.0 \
    TRACESVC_PORT=8080 \
    TRACESVC_DATA_DIR=/var/lib/tracesvc \
    TRACESVC_LOG_FORMAT=json
EXPOSE 8080

# The service drains on SIGTERM; see docs/reference/operations.md for how long that may take.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]

ENTRYPOINT ["tracesvc"]
CMD ["serve"]
