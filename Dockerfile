# The page in a container: docker build -t threedsl . && docker run --rm -p 7860:7860 threedsl
# The same files as in a Space (`python -m threedsl space`); .dockerignore keeps the rest out of the build.
FROM python:3.12-slim

# On x86-64 Linux PyPI's PyTorch is the CUDA build of several GB; this index has the CPU's.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

RUN useradd --create-home --home-dir /srv/threedsl --uid 1000 visitor
WORKDIR /srv/threedsl/app

COPY requirements.txt ./
RUN pip install --requirement requirements.txt

COPY app.py README.md LICENSE ./
COPY threedsl threedsl
COPY assets/synthetic assets/synthetic
COPY checkpoints/body checkpoints/body
COPY checkpoints/finder checkpoints/finder
COPY checkpoints/3dsl-lite checkpoints/3dsl-lite

# Uploads and derived files go to places that the visitor owns; the program itself cannot be changed from inside.
USER visitor
ENV GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    THREEDSL_CACHE=/srv/threedsl/cache \
    HF_HUB_OFFLINE=1

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=8)"]
CMD ["python", "app.py"]
