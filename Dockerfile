# The image of every fasttime process: docker-compose.yml gives each its command.
# amd64 only: faust-streaming publishes no Linux wheel for arm64, and nothing is compiled here.

FROM --platform=linux/amd64 python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fasttime
WORKDIR /src
# The dependencies first: they change less often than we do. Every one has its hash in the lock.
COPY requirements.lock ./
RUN /opt/fasttime/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY broadcast broadcast
COPY subscribers subscribers
COPY channels channels
COPY config config
COPY service service
COPY console console
COPY migrations migrations
# The build backend came with the lock.
RUN /opt/fasttime/bin/pip install --no-deps --no-build-isolation .

FROM --platform=linux/amd64 python:3.12.12-slim-bookworm
LABEL org.opencontainers.image.title="fasttime" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 fasttime \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/fasttime --shell /usr/sbin/nologin fasttime \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/fasttime
COPY --from=build /opt/fasttime /opt/fasttime
ENV PATH=/opt/fasttime/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FASTTIME_DATA=/var/lib/fasttime
USER 10001:10001
WORKDIR /var/lib/fasttime
VOLUME /var/lib/fasttime
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["fasttime"]
CMD ["up", "--host", "0.0.0.0", "--port", "8000"]
