# inventoryd and invctl in an image that holds nothing else: no compiler, no package cache, no curl.
#
#     docker build -t inventoryd .
#     docker run --rm -p 127.0.0.1:8080:8080 -e INVENTORYD_AUTH=off -v inventory:/var/lib/inventoryd inventoryd
#
# Both bases are of one Debian release, because the C libraries that the first links to come from the second. Others of
# that kind can be put in: --build-arg RUN_IMAGE=…. Where there is no Docker, scripts/check-image builds and tries it.

ARG BUILD_IMAGE=swift:6.3-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        libhiredis-dev libmongoc-dev libreadline-dev libsqlite3-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src

# By themselves, so that they are fetched again only when the manifest has changed.
COPY Package.swift ./
RUN swift package resolve

# The manifest names the tests too, so the package is none without them.
COPY Sources Sources
COPY Tests Tests
COPY docs/openapi.json docs/api.html docs/
RUN swift build -c release --static-swift-stdlib --product inventoryd \
    && swift build -c release --static-swift-stdlib --product invctl \
    && binaries=$(swift build -c release --static-swift-stdlib --show-bin-path) \
    && install -D --strip -t /out/usr/local/bin "$binaries/inventoryd" "$binaries/invctl"

# libmongoc takes from ICU what a password has to go through before it is compared (SASLprep, RFC 4013), and from ICU's
# 31 MB of data for all the world's languages that is two tables. This makes a library of these two.
FROM ${RUN_IMAGE} AS icu
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends binutils icu-devtools libicu72 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /icu
RUN set -eu; library=$(readlink -f /usr/lib/*/libicudata.so.72); \
    objcopy -O binary --only-section=.rodata "$library" icudt72l.dat; \
    icupkg -l icudt72l.dat | grep -vxE 'nfkc\.nrm|rfc4013\.spp' >others.txt; \
    mkdir two; icupkg -r others.txt icudt72l.dat two/icudt72l.dat; [ "$(icupkg -l two/icudt72l.dat | wc -l)" = 2 ]; \
    printf '%s\n' '.section .rodata' '.balign 16' '.globl icudt72_dat' '.type icudt72_dat,%object' \
        'icudt72_dat: .incbin "two/icudt72l.dat"' '.section .note.GNU-stack,"",%progbits' | as -o data.o -; \
    mkdir -p "/out${library%/*}"; \
    ld -shared --soname libicudata.so.72 --build-id -o "/out$library" data.o; \
    ln -s "${library##*/}" "/out${library%/*}/libicudata.so.72"

FROM ${RUN_IMAGE}
LABEL org.opencontainers.image.title="inventoryd" \
    org.opencontainers.image.description="Products and their stock over a REST API" \
    org.opencontainers.image.licenses="Apache-2.0"

# As packages, not as copied files, so that scanners see them and their security updates arrive with a rebuild. The
# directories are where the admin socket and the embedded store are; a volume mounted over the latter takes its owner.
# There is no VOLUME: it would make a nameless one for everybody who uses MongoDB, and Railway refuses it.
RUN echo 'path-exclude /usr/lib/*/libicudata.so.*.*' >/etc/dpkg/dpkg.cfg.d/inventoryd \
    && apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        ca-certificates libhiredis0.14 libmongoc-1.0-0 libreadline8 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* \
        /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
    && useradd --uid 10001 --user-group --no-log-init --no-create-home \
        --home-dir /var/lib/inventoryd --shell /usr/sbin/nologin inventoryd \
    && install -d -o inventoryd -g inventoryd -m 0755 /run/inventoryd \
    && install -d -o inventoryd -g inventoryd -m 0700 /var/lib/inventoryd
COPY --from=icu /out/ /
COPY --from=build /out/ /

ENV INVENTORYD_HOST=:: \
    INVENTORYD_STATE_DIR=/var/lib/inventoryd
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["invctl", "health"]
ENTRYPOINT ["inventoryd"]
