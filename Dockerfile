# energyprof and what its workloads train with:
#   docker build --tag localhost/energyprof .        in a checkout, or the repository's address#TAG in place of the dot
# `energyprof template docker` and `energyprof template k8s` print what it must be given to read this machine's meters.
FROM python:3.12-slim-bookworm

# Of a GPU: the build of PyTorch that it needs, and the index that has it.
ARG TORCH=torch==2.13.0
ARG EXTRAS=workloads,speech

WORKDIR /opt/source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY energyprof ./energyprof
# PyTorch first and by itself: asked for by another package, pip would take the newest build.
RUN pip install --no-cache-dir --constraint constraints.txt "${TORCH}" \
 && pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"

WORKDIR /project
ENTRYPOINT ["energyprof"]
CMD ["--help"]
