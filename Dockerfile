# One image for the three services and the `lotwise` command; what a container runs is its command.
#
#   docker build -t lotwise:local .

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /build

# Two environments: what runs, without pip, and what builds, which stays behind in this stage.
RUN python -m venv --without-pip /opt/lotwise && python -m venv /opt/build
COPY requirements.txt requirements-dev.txt ./
RUN /opt/build/bin/pip --python /opt/lotwise/bin/python install --require-hashes --only-binary :all: -r requirements.txt \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements-dev.txt > requirements-build.txt \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.txt

COPY pyproject.toml ./
COPY shared shared
COPY services services
COPY migrations migrations
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
 && /opt/build/bin/pip --python /opt/lotwise/bin/python install --no-deps --no-index dist/*.whl

# For `alembic` by hand: its settings look for the migrations beside them.
COPY alembic.ini /app/
RUN ln -s /opt/lotwise/lib/python3.11/site-packages/migrations /app/migrations


FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="lotwise" \
      org.opencontainers.image.description="How many lots, on this account, right now"
ENV PATH=/opt/lotwise/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    LOTWISE_ADMIN_PORT=9100
COPY --from=build /opt/lotwise /opt/lotwise
COPY --from=build /app /app
WORKDIR /app
# A number, so that an orchestrator can see that it is not root; it owns nothing in the image.
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys; \
admin = http.client.HTTPConnection('127.0.0.1', int(os.environ['LOTWISE_ADMIN_PORT']), timeout=4); \
admin.request('GET', '/readyz'); \
sys.exit(admin.getresponse().status != 200)"]
CMD ["lotwise", "--help"]
